import * as cloudwatch from '@pulumi/aws/cloudwatch';
import * as iam from '@pulumi/aws/iam';
import * as pulumi from '@pulumi/pulumi';
import { policyDocument } from './bucket-grants';
import * as checks from './private/checks';
import { refuse, validated } from './private/validated-input';

/** Who is told of what the trail saw. */
export interface AuditAlarmsArgs {
  /** ARN of the SNS topic that alarms are sent to. */
  readonly topicArn: pulumi.Input<string>;
  /**
   * ARNs of the roles that may delete, such as that of `prune`: their deletions raise no alarm.
   *
   * @default - none: each deletion raises one
   */
  readonly deletingRoleArns?: readonly pulumi.Input<string>[];
  /**
   * Days that CloudWatch keeps the events, one of the periods that it has; the trail's bucket keeps them in any case.
   *
   * @default 90
   */
  readonly logRetentionDays?: number;
}

const NAMESPACE = 'TempoBackup';
/** @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const RETENTIONS = '1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653'
  .split(' ')
  .map(Number);
const PERIOD_SECONDS = 300;
const FROM_S3 = '$.eventSource = "s3.amazonaws.com"';

/** Metrics and alarms on refused calls and on deletions, from the events of a trail. */
export class AuditAlarms extends pulumi.ComponentResource {
  /** ARN of the log group, as the trail takes it. */
  readonly logGroupArn: pulumi.Output<string>;
  /** ARN of the role with which the trail writes there. */
  readonly logRoleArn: pulumi.Output<string>;

  private readonly logGroup: cloudwatch.LogGroup;
  private readonly topicArn: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    args: AuditAlarmsArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super('tempo-backup:aws:AuditAlarms', name, {}, options);
    this.topicArn = validated('alarms.topicArn', args.topicArn, checks.arn);
    this.logGroup = new cloudwatch.LogGroup(
      `${name}-events`,
      { retentionInDays: retentionOf(args.logRetentionDays ?? 90) },
      { parent: this },
    );
    this.logGroupArn = pulumi.interpolate`${this.logGroup.arn}:*`;
    this.logRoleArn = this.makeLogRole().arn;
    this.alarm('access-denied', 'Somebody was refused access to recovery points', accessDenied());
    this.alarm('deletes', 'Somebody deleted recovery points', deletesBy(args.deletingRoleArns ?? []));
    this.registerOutputs({ logGroupArn: this.logGroupArn, logRoleArn: this.logRoleArn });
  }

  private makeLogRole(): iam.Role {
    const name = `${this.name}-log-role`;
    const trust = policyDocument([
      {
        Sid: 'CloudTrail',
        Effect: 'Allow',
        Principal: { Service: 'cloudtrail.amazonaws.com' },
        Action: 'sts:AssumeRole',
      },
    ]);
    const role = new iam.Role(name, { assumeRolePolicy: JSON.stringify(trust) }, { parent: this });
    const policy = this.logGroupArn.apply((Resource) =>
      JSON.stringify(
        policyDocument([
          { Sid: 'Write', Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource },
        ]),
      ),
    );
    new iam.RolePolicy(name, { role: role.name, policy }, { parent: role });
    return role;
  }

  private alarm(what: string, alarmDescription: string, pattern: pulumi.Input<string>): void {
    const name = `${this.name}-${what}`;
    const metric = { name, namespace: NAMESPACE, value: '1', defaultValue: '0' };
    const filter = { logGroupName: this.logGroup.name, pattern, metricTransformation: metric };
    const counted = new cloudwatch.LogMetricFilter(name, filter, { parent: this });
    new cloudwatch.MetricAlarm(
      name,
      {
        alarmDescription,
        namespace: NAMESPACE,
        metricName: metric.name,
        statistic: 'Sum',
        period: PERIOD_SECONDS,
        evaluationPeriods: 1,
        threshold: 1,
        comparisonOperator: 'GreaterThanOrEqualToThreshold',
        // No events are good news.
        treatMissingData: 'notBreaching',
        alarmActions: [this.topicArn],
      },
      { parent: this, dependsOn: [counted] },
    );
  }
}

function retentionOf(days: number): number {
  if (!RETENTIONS.includes(days))
    refuse('alarms.logRetentionDays', `must be one of ${RETENTIONS.join(', ')}, got ${days}`);
  return days;
}

function accessDenied(): string {
  return `{ (${FROM_S3}) && ($.errorCode = "AccessDenied") }`;
}

/** Deletions that succeeded; those that were refused are in the other alarm. */
function deletesBy(roleArns: readonly pulumi.Input<string>[]): pulumi.Output<string> {
  const checked = roleArns.map((roleArn, index) => validated(`alarms.deletingRoleArns.${index}`, roleArn, checks.arn));
  return pulumi.all(checked).apply((arns) => {
    const others = arns.map((arn) => ` && ($.userIdentity.sessionContext.sessionIssuer.arn != "${arn}")`).join('');
    return `{ (${FROM_S3}) && ($.eventName = "DeleteObject*") && ($.errorCode NOT EXISTS)${others} }`;
  });
}
