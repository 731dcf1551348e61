import * as cloudwatch from '@pulumi/aws/cloudwatch';
import * as iam from '@pulumi/aws/iam';
import * as pulumi from '@pulumi/pulumi';
import { policyDocument } from './bucket-grants';
import { accessDenied, type ExpectedDeletions, unexpectedDeletions } from './private/alarm-patterns';
import * as checks from './private/checks';
import { isPlain, refuse, validated } from './private/validated-input';

/** Who is told of what the trail saw. */
export interface AuditAlarmsArgs {
  /** ARN of the SNS topic that alarms are sent to, of the trail's region. */
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

/** The trail whose events raise the alarms. */
export interface AlarmingTrail {
  /**
   * Region of the trail, in which CloudTrail wants the log group, too.
   *
   * @default - that of the provider
   */
  readonly region?: pulumi.Input<string> | undefined;
  /** The same region, known in any case. */
  readonly homeRegion: pulumi.Input<string>;
  /** Names of its buckets in which deletions raise no alarm. */
  readonly quietBuckets: readonly pulumi.Input<string>[];
}

const NAMESPACE = 'TempoBackup';
/** @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const RETENTIONS = '1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653'
  .split(' ')
  .map(Number);
const PERIOD_SECONDS = 300;

/** Metrics and alarms on refused calls and on deletions, from the events of a trail. */
export class AuditAlarms extends pulumi.ComponentResource {
  /** ARN of the log group, as the trail takes it. */
  readonly logGroupArn: pulumi.Output<string>;
  /** ARN of the role with which the trail writes there. */
  readonly logRoleArn: pulumi.Output<string>;
  /** What the trail waits for: with these it can write there. */
  readonly writable: readonly pulumi.Resource[];

  private readonly logGroup: cloudwatch.LogGroup;
  private readonly topicArn: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    args: AuditAlarmsArgs,
    private readonly trail: AlarmingTrail,
    options: pulumi.ComponentResourceOptions,
  ) {
    super('tempo-backup:aws:AuditAlarms', name, {}, options);
    this.topicArn = topicOf(args.topicArn, trail.homeRegion);
    this.logGroup = new cloudwatch.LogGroup(
      `${name}-events`,
      { retentionInDays: retentionOf(args.logRetentionDays ?? 90), region: trail.region },
      { parent: this },
    );
    this.logGroupArn = pulumi.interpolate`${this.logGroup.arn}:*`;
    const role = this.makeLogRole();
    this.logRoleArn = role.arn;
    this.writable = [this.logGroup, this.letWrite(role)];
    this.alarm('access-denied', 'Somebody was refused access to recovery points', accessDenied());
    this.alarm('deletes', 'Somebody deleted recovery points', this.deletions(args.deletingRoleArns ?? []));
    this.registerOutputs({ logGroupArn: this.logGroupArn, logRoleArn: this.logRoleArn });
  }

  private makeLogRole(): iam.Role {
    const trust = policyDocument([
      {
        Sid: 'CloudTrail',
        Effect: 'Allow',
        Principal: { Service: 'cloudtrail.amazonaws.com' },
        Action: 'sts:AssumeRole',
      },
    ]);
    return new iam.Role(`${this.name}-log-role`, { assumeRolePolicy: JSON.stringify(trust) }, { parent: this });
  }

  private letWrite(role: iam.Role): iam.RolePolicy {
    const policy = this.logGroupArn.apply((Resource) =>
      JSON.stringify(
        policyDocument([
          { Sid: 'Write', Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource },
        ]),
      ),
    );
    return new iam.RolePolicy(`${this.name}-log-role`, { role: role.name, policy }, { parent: role });
  }

  private deletions(roleArns: readonly pulumi.Input<string>[]): pulumi.Output<string> {
    const checked = roleArns.map((each, index) => validated(`alarms.deletingRoleArns.${index}`, each, checks.arn));
    const expected: pulumi.Output<ExpectedDeletions> = pulumi.output({
      roleArns: checked,
      buckets: [...this.trail.quietBuckets],
    });
    return expected.apply(unexpectedDeletions);
  }

  private alarm(what: string, alarmDescription: string, pattern: pulumi.Input<string>): void {
    const name = `${this.name}-${what}`;
    const metric = { name, namespace: NAMESPACE, value: '1', defaultValue: '0' };
    const { region } = this.trail;
    const filter = { logGroupName: this.logGroup.name, pattern, metricTransformation: metric, region };
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
        region,
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

/** An alarm reaches topics of its own region only. */
function topicOf(topicArn: pulumi.Input<string>, region: pulumi.Input<string>): pulumi.Output<string> {
  const topic = validated('alarms.topicArn', topicArn, checks.arn);
  const both = isPlain(topicArn) && isPlain(region) ? ([topicArn, region] as string[]) : pulumi.all([topic, region]);
  const checked = validated<string[]>('alarms.topicArn', both, ([arn = '', home = '']) =>
    arn.split(':')[3] === home ? undefined : `must be a topic of the trail's region '${home}', got '${arn}'`,
  );
  return checked.apply(([arn = '']) => arn);
}
