import { type k8s } from 'cdk8s-plus-28';

/** Whom a right is granted to. */
export interface ISubject {
  /**
   * As a RoleBinding names it.
   *
   * @internal
   */
  readonly _subject: k8s.Subject;
}

/**
 * A person, as the API server's authentication names them.
 *
 * @example User.fromName('on-call')
 */
export class User implements ISubject {
  /** By name. */
  static fromName(name: string): User {
    return new User({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name });
  }

  private constructor(
    /**
     * As a RoleBinding names it.
     *
     * @internal
     */
    readonly _subject: k8s.Subject,
  ) {}
}

/**
 * A group of people, as the API server's authentication names it.
 *
 * @example Group.fromName('platform-team')
 */
export class Group implements ISubject {
  /** By name. */
  static fromName(name: string): Group {
    return new Group({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name });
  }

  private constructor(
    /**
     * As a RoleBinding names it.
     *
     * @internal
     */
    readonly _subject: k8s.Subject,
  ) {}
}

/**
 * A ServiceAccount of a program that may start a restore.
 *
 * @example ServiceAccount.fromName('runbooks', { namespace: 'automation' })
 */
export class ServiceAccount implements ISubject {
  /** By its name and the namespace that it is in. */
  static fromName(name: string, { namespace }: { readonly namespace: string }): ServiceAccount {
    return new ServiceAccount({ kind: 'ServiceAccount', name, namespace });
  }

  private constructor(
    /**
     * As a RoleBinding names it.
     *
     * @internal
     */
    readonly _subject: k8s.Subject,
  ) {}
}
