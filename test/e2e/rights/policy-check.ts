import type { PolicyDocument, PolicyStatement } from '../../../lib/aws/bucket-grants';
import type { S3Call } from './s3-recorder';

type Request = Pick<S3Call, 'action' | 'bucket' | 'key' | 'isOnBucket'>;

/** The smallest thing that a statement permits: one action on one pattern of objects, or on a bucket, by one pattern of prefixes. */
interface Grant {
  readonly sid: string;
  readonly action: string;
  readonly resource: string;
  /** Of a list; undefined: whatever it is. */
  readonly prefix: string | undefined;
}

/** Policies of one identity, as the components make them: compared with what was called, by the rules of IAM and not by the tables behind. */
export class PolicyCheck {
  private readonly statements: readonly PolicyStatement[];

  constructor(documents: readonly string[]) {
    this.statements = documents.flatMap((text) => (JSON.parse(text) as PolicyDocument).Statement);
  }

  permits(request: Request): boolean {
    const denied = this.statements.filter(({ Effect }) => Effect === 'Deny').flatMap(grantsOf);
    const granted = this.statements.filter(({ Effect }) => Effect === 'Allow').flatMap(grantsOf);
    return granted.some((grant) => covers(grant, request)) && !denied.some((grant) => covers(grant, request));
  }

  /** What was called without a statement that permits it. */
  lacks(calls: readonly S3Call[]): string[] {
    const lacking = calls.filter((call) => !this.permits(call));
    return [...new Set(lacking.map(({ action, bucket, key }) => `${action} ${bucket} ${key}`))];
  }

  /**
   * What is permitted and was never called. `sameRights`: buckets on which the identity has the same rights, such as a repository and its
   * replica, where a right is used when it is on one of them.
   */
  unused(calls: readonly S3Call[], sameRights: readonly string[] = []): string[] {
    const [first = '', ...others] = sameRights;
    const grants = this.statements.filter(({ Effect }) => Effect === 'Allow').flatMap(grantsOf);
    const moved = calls.map((call) => (others.includes(call.bucket) ? { ...call, bucket: first } : call));
    const described = grants
      .map((grant) => ({ ...grant, resource: movedTo(first, others, grant.resource) }))
      .filter((grant) => !moved.some((call) => covers(grant, call)))
      .map(({ sid, action, resource, prefix }) => `${sid}: ${action} ${resource}${prefix ? ` ${prefix}` : ''}`);
    return [...new Set(described)];
  }
}

/** The statement that no request of the runner uses on this server: see decision 9. */
const NOT_BY_REQUESTS = { Sid: 'LearnThatObjectsAreAbsent', Action: ['s3:ListBucket'] };

function grantsOf({ Sid, Effect, Action, Resource = [], Condition = {} }: PolicyStatement): Grant[] {
  const isForAbsence = JSON.stringify(Condition) === JSON.stringify({ Null: { 's3:prefix': 'true' } });
  if (isForAbsence && JSON.stringify({ Sid, Action }) === JSON.stringify(NOT_BY_REQUESTS)) return [];
  const { StringLike: { 's3:prefix': prefixes, ...otherKeys } = {}, ...operators } = Condition;
  // A condition that isn't understood here must not pass for none.
  if (Object.keys({ ...operators, ...otherKeys }).length > 0)
    throw new Error(`check statement '${Sid}' (${Effect}): its condition is unknown: ${JSON.stringify(Condition)}`);
  return listed(Action).flatMap((action) =>
    listed(Resource).flatMap((resource) =>
      (prefixes === undefined ? [undefined] : listed(prefixes)).map((prefix) => ({
        sid: Sid,
        action,
        resource,
        prefix,
      })),
    ),
  );
}

function covers({ action, resource, prefix }: Grant, request: Request): boolean {
  const object = request.isOnBucket ? '' : `/${request.key}`;
  return (
    action === request.action &&
    matches(resource, `arn:aws:s3:::${request.bucket}${object}`) &&
    (prefix === undefined || matches(prefix, request.key))
  );
}

function movedTo(first: string, others: readonly string[], resource: string): string {
  const [arn = '', ...object] = resource.split('/');
  const bucket = arn.replace('arn:aws:s3:::', '');
  return others.includes(bucket) ? [`arn:aws:s3:::${first}`, ...object].join('/') : resource;
}

function listed(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}

/** As IAM understands `*`. */
function matches(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+()[\]{}^$|\\?]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}
