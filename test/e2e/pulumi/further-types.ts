import { PutBucketLoggingCommand, S3Client } from '@aws-sdk/client-s3';

type Inputs = Readonly<Record<string, unknown>>;

/** A resource type as calls of AWS. Each of its properties is set anew when one changes. */
export interface FurtherType {
  /** Outputs that only the service knows. */
  readonly computed: readonly string[];
  /** The property that the resource is named by; the logical name where it has none. */
  readonly namedBy: string;
  put(endpoint: string, inputs: Inputs): Promise<Inputs>;
}

const REGION = 'us-east-1';
const ACCOUNT = '123456789012';

/** Associations that were made, as the double of AWS has no call for them. */
export const associations: Inputs[] = [];

export const FURTHER_TYPES: Readonly<Record<string, FurtherType>> = {
  'aws:s3/bucketLogging:BucketLogging': {
    computed: [],
    namedBy: 'bucket',
    async put(endpoint, { bucket, targetBucket, targetPrefix }) {
      const client = new S3Client({ endpoint, region: REGION, forcePathStyle: true });
      const LoggingEnabled = { TargetBucket: String(targetBucket), TargetPrefix: String(targetPrefix) };
      const BucketLoggingStatus = { LoggingEnabled };
      await client.send(new PutBucketLoggingCommand({ Bucket: String(bucket), BucketLoggingStatus }));
      client.destroy();
      return {};
    },
  },
  'aws:cloudwatch/logGroup:LogGroup': {
    computed: ['arn'],
    namedBy: 'name',
    async put(endpoint, { name: logGroupName, retentionInDays }) {
      await logs(endpoint, 'CreateLogGroup', { logGroupName });
      await logs(endpoint, 'PutRetentionPolicy', { logGroupName, retentionInDays });
      return { arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${String(logGroupName)}` };
    },
  },
  'aws:cloudwatch/logMetricFilter:LogMetricFilter': {
    computed: [],
    namedBy: 'name',
    async put(endpoint, { name, logGroupName, pattern, metricTransformation }) {
      const { name: metricName, namespace: metricNamespace, value, defaultValue } = metricTransformation as Inputs;
      const metric = { metricName, metricNamespace, metricValue: value, defaultValue: Number(defaultValue) };
      const filter = { filterName: name, logGroupName, filterPattern: pattern, metricTransformations: [metric] };
      await logs(endpoint, 'PutMetricFilter', filter);
      return {};
    },
  },
  'aws:cloudwatch/metricAlarm:MetricAlarm': {
    computed: [],
    namedBy: 'name',
    async put(endpoint, { name, alarmActions, ...properties }) {
      const capitalized = Object.entries(properties)
        .filter(([key]) => !key.startsWith('__'))
        .map(([key, value]) => [key.charAt(0).toUpperCase() + key.slice(1), String(value)] as const);
      const actions = (alarmActions as string[]).map(
        (arn, index) => [`AlarmActions.member.${index + 1}`, arn] as const,
      );
      await cloudWatch(endpoint, 'PutMetricAlarm', {
        AlarmName: String(name),
        ...Object.fromEntries([...capitalized, ...actions]),
      });
      return {};
    },
  },
  'aws:eks/podIdentityAssociation:PodIdentityAssociation': {
    computed: ['associationId'],
    namedBy: 'serviceAccount',
    async put(_, inputs) {
      associations.push(inputs);
      return { associationId: `a-${associations.length}` };
    },
  },
};

/** A call of CloudWatch Logs. */
export function logs(endpoint: string, action: string, body: object): Promise<string> {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `Logs_20140328.${action}` };
  return call(endpoint, 'logs', { headers, body: JSON.stringify(body) });
}

/** A call of CloudTrail. */
export function trails(endpoint: string, action: string, body: object): Promise<string> {
  const target = `com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.${action}`;
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target };
  return call(endpoint, 'cloudtrail', { headers, body: JSON.stringify(body) });
}

/** A call of IAM. */
export function iam(endpoint: string, Action: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = new URLSearchParams({ Action, Version: '2010-05-08', ...parameters }).toString();
  return call(endpoint, 'iam', { headers, body });
}

/** A call of CloudWatch. */
export function cloudWatch(
  endpoint: string,
  Action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = new URLSearchParams({ Action, Version: '2010-08-01', ...parameters }).toString();
  return call(endpoint, 'monitoring', { headers, body });
}

async function call(
  endpoint: string,
  service: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
): Promise<string> {
  // The double reads the service from the signature, which it doesn't check.
  const credential = `Credential=double/20260101/${REGION}/${service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=0`;
  const answer = await fetch(endpoint, { method: 'POST', headers: { ...headers, authorization }, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${text}`);
  return text;
}
