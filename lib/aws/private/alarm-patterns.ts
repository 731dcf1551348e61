import { refuse } from './validated-input';

/** What CloudWatch Logs takes as the pattern of a filter, in characters. */
const LONGEST_PATTERN = 1024;
const FROM_S3 = '$.eventSource = "s3.amazonaws.com"';
/** The role of a session; root and users of IAM have none. */
const ROLE = '$.userIdentity.sessionContext.sessionIssuer.arn';
const BUCKET = '$.requestParameters.bucketName';

/** Whose deletions are no news. */
export interface ExpectedDeletions {
  /** ARNs of roles that may delete. */
  readonly roleArns: readonly string[];
  /** Names of buckets in which others delete all day. */
  readonly buckets: readonly string[];
}

/** Calls that were refused. */
export function accessDenied(): string {
  return `{ (${FROM_S3}) && ($.errorCode = "AccessDenied") }`;
}

/**
 * Deletions that succeeded; those that were refused are in the other alarm.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax-for-Metric-Filters.html
 */
export function unexpectedDeletions({ roleArns, buckets }: ExpectedDeletions): string {
  const conditions = [
    `(${FROM_S3}) && ($.eventName = "DeleteObject*") && ($.errorCode NOT EXISTS)`,
    ...buckets.map((name) => `(${BUCKET} != "${name}")`),
    ...(roleArns.length > 0 ? [byNoneOf(roleArns)] : []),
  ];
  return fitting(`{ ${conditions.join(' && ')} }`);
}

/** What isn't there equals nothing, and differs from nothing, either. */
function byNoneOf(roleArns: readonly string[]): string {
  const others = roleArns.map((arn) => `(${ROLE} != "${arn}")`).join(' && ');
  return `((${ROLE} NOT EXISTS) || (${others}))`;
}

function fitting(pattern: string): string {
  if (pattern.length > LONGEST_PATTERN)
    refuse(
      'alarms.deletingRoleArns',
      `must fit into a pattern of ${LONGEST_PATTERN} characters together with the buckets that raise no alarm, got one of ${pattern.length}; name fewer roles, or use an AuditTrail for each bucket`,
    );
  return pattern;
}
