import { ExitCode } from '../../lib/contract/exit-codes';
import { type Evidence, RunnerError } from '../errors';

/** What was asked of the API, in the words of its rights. */
export interface ClusterCall {
  readonly verb: string;
  /** Plural, with subresource: `secrets`, `pods/log`. */
  readonly resource: string;
  readonly namespace: string;
  /** Absent for lists and creation. */
  readonly name?: string | undefined;
}

/** What the API answers when it refuses. */
export interface ClusterStatus {
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  /** In a word, such as `AlreadyExists` or `ECONNREFUSED`. */
  readonly reason: string;
  readonly message: string;
}

/** The API refused a call, or couldn't be reached. */
export class ClusterError extends RunnerError {
  constructor(
    message: string,
    readonly call: ClusterCall,
    readonly status: ClusterStatus,
    exitCode: ExitCode = ExitCode.FAILED,
  ) {
    super(message, exitCode, evidenceOf(call, status));
  }
}

/** The run's identity may not do it, or isn't known: a retry doesn't help. */
export class ForbiddenError extends ClusterError {
  constructor(message: string, call: ClusterCall, status: ClusterStatus) {
    super(message, call, status, ExitCode.CONFIGURATION);
  }
}

/** The object is there already, or was changed by somebody else since it was read. */
export class ConflictError extends ClusterError {}

/** The error for an answer that isn't a success, or for none. */
export function clusterError(call: ClusterCall, status: ClusterStatus): ClusterError {
  const object = objectOf(call);
  if (status.status === 401)
    return new ForbiddenError(
      `${call.verb} ${object}: the Kubernetes API doesn't accept the credentials (401); renew the kubeconfig, or mount the token of a ServiceAccount`,
      call,
      status,
    );
  if (status.status === 403)
    return new ForbiddenError(
      `call the Kubernetes API: may not '${call.verb}' ${rightOf(call)}; grant it to ${identityIn(status.message)}`,
      call,
      status,
    );
  if (status.status === 409)
    return new ConflictError(`${call.verb} ${object}: ${conflictText(status.reason)}`, call, status);
  return new ClusterError(`${call.verb} ${object}: ${textOf(call, status)}`, call, status);
}

/** `'secrets/tempo-s3' in namespace 'monitoring'`. */
export function objectOf({ resource, name, namespace }: ClusterCall): string {
  return `'${name === undefined ? resource : `${resource}/${name}`}' in namespace '${namespace}'`;
}

/** The right to create can't be given for a name. */
function rightOf({ verb, resource, namespace, name }: ClusterCall): string {
  return objectOf({ verb, resource, namespace, name: verb === 'create' ? undefined : name });
}

function conflictText(reason: string): string {
  return reason === 'AlreadyExists'
    ? 'there is one already; delete it or choose another name'
    : 'somebody else changed it meanwhile; run it again';
}

function textOf(call: ClusterCall, { status, reason, message }: ClusterStatus): string {
  if (status === undefined) return `the Kubernetes API can't be reached (${reason}): ${message}; run it again`;
  // The server quotes the values that it doesn't accept.
  const said = call.resource === 'secrets' || message === '' ? '' : `: ${message}`;
  return `the Kubernetes API answers ${`${status} ${reason}`.trimEnd()}${said}`;
}

function identityIn(message: string): string {
  const user = /User "([^"]+)"/.exec(message)?.[1];
  const account = /^system:serviceaccount:[^:]+:(.+)$/.exec(user ?? '')?.[1];
  if (account !== undefined) return `ServiceAccount '${account}'`;
  return user === undefined ? 'the ServiceAccount of this run' : `user '${user}'`;
}

function evidenceOf({ verb, resource, namespace, name }: ClusterCall, { status, reason }: ClusterStatus): Evidence {
  return { verb, resource, namespace, name, status, reason };
}
