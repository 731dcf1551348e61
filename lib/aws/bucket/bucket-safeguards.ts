import * as s3 from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';
import { LONGEST_BUCKET_POLICY, policyDocument, type PolicyStatement } from '../bucket-grants';
import { InSeries } from '../private/in-series';
import { bucketName } from '../private/checks';
import { refuse, validated } from '../private/validated-input';
import type { S3Feature } from '../s3-compatible';
import { tlsStatements } from './bucket-policy';
import type { BucketLifecycleRule } from './lifecycle-rules';

/** How long each version of an object can't be removed. */
export interface LockArgs {
  /** GOVERNANCE: a special right lifts it. COMPLIANCE: nobody can, the owner of the account included. */
  readonly mode: pulumi.Input<string>;
  /** From the creation of the version on. */
  readonly days: pulumi.Input<number>;
}

/** Where S3 writes a line for each request. */
export interface AccessLogsArgs {
  /**
   * Name of an existing bucket of the same region, which lets `logging.s3.amazonaws.com` write, encrypts with keys of S3 and locks nothing by
   * default: into another one S3 writes no logs.
   */
  readonly bucket: pulumi.Input<string>;
  /**
   * What the names of the logs begin with.
   *
   * @default - the logical name of the component and a slash
   */
  readonly prefix?: pulumi.Input<string>;
}

/** What is configured of a bucket; what is absent is left as it is. */
export interface BucketSafeguardsArgs {
  /** Name of the bucket. */
  readonly bucket: pulumi.Input<string>;
  /** Its ARN. */
  readonly bucketArn: pulumi.Input<string>;
  /**
   * Its region.
   *
   * @default - that of the provider
   */
  readonly region?: pulumi.Input<string>;
  /**
   * How new objects are encrypted; without a key by keys of S3.
   *
   * @default - as it is
   */
  readonly encryption?: { readonly keyArn?: pulumi.Input<string> | undefined };
  /**
   * How long versions can't be removed. The bucket must have been made with object lock.
   *
   * @default - not at all
   */
  readonly lock?: LockArgs;
  /**
   * The whole of its lifecycle rules.
   *
   * @default - as they are
   */
  readonly lifecycleRules?: readonly BucketLifecycleRule[];
  /**
   * Where requests are logged.
   *
   * @default - nowhere
   */
  readonly accessLogs?: AccessLogsArgs;
  /**
   * The whole of its policy.
   *
   * @default - as it is
   */
  readonly policy?: {
    /** '1.2' or '1.3'. */
    readonly minimumTlsVersion: pulumi.Input<string>;
    /** Besides those about TLS. */
    readonly statements: pulumi.Input<readonly PolicyStatement[]>;
    /**
     * The property that a policy becomes too large by.
     *
     * @default - the statements are the component's own
     */
    readonly statementsFrom?: string;
  };
  /** What the server lacks. */
  readonly without: readonly S3Feature[];
  /**
   * Name under which versioning and public access block were at the root of a stack, before there was a component.
   *
   * @default - they weren't
   */
  readonly formerName?: string;
  /** Options of each resource. */
  readonly keep: Pick<pulumi.CustomResourceOptions, 'protect' | 'retainOnDelete'>;
  /**
   * What must be there before the first part is configured.
   *
   * @default - nothing
   */
  readonly after?: readonly pulumi.Resource[];
}

/** The configuration of one bucket, written one part after the other. */
export class BucketSafeguards extends pulumi.ComponentResource {
  /** What needs the configured bucket depends on these. */
  readonly configured: readonly pulumi.Resource[];

  private readonly series: InSeries;
  private readonly target: { readonly bucket: pulumi.Input<string>; readonly region: pulumi.Input<string> | undefined };

  constructor(
    private readonly name: string,
    private readonly args: BucketSafeguardsArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super('tempo-backup:aws:BucketSafeguards', name, {}, options);
    this.series = new InSeries({ parent: this, ...args.keep }, args.after);
    this.target = { bucket: args.bucket, region: args.region };
    this.version();
    this.encrypt();
    this.blockPublicAccess();
    this.enforceOwnership();
    this.lock();
    this.setLifecycle();
    this.logAccess();
    this.setPolicy();
    this.configured = this.series.end;
    this.registerOutputs({});
  }

  private version(): void {
    const versioning = { ...this.target, versioningConfiguration: { status: 'Enabled' } };
    this.make('versioning', (name, options) => new s3.BucketVersioning(name, versioning, options));
  }

  private encrypt(): void {
    const { encryption } = this.args;
    if (!encryption || this.lacks('encryption')) return;
    const { keyArn } = encryption;
    const rule =
      keyArn === undefined
        ? { applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }
        : {
            applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: keyArn },
            // One call of KMS for many objects, not one each.
            bucketKeyEnabled: true,
          };
    const configuration = { ...this.target, rules: [rule] };
    this.make(
      'encryption',
      (name, options) => new s3.BucketServerSideEncryptionConfiguration(name, configuration, options),
    );
  }

  private blockPublicAccess(): void {
    if (this.lacks('public-access-block')) return;
    const block = {
      ...this.target,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    };
    this.make('public-access-block', (name, options) => new s3.BucketPublicAccessBlock(name, block, options));
  }

  private enforceOwnership(): void {
    if (this.lacks('ownership-controls')) return;
    const controls = { ...this.target, rule: { objectOwnership: 'BucketOwnerEnforced' } };
    this.make('ownership', (name, options) => new s3.BucketOwnershipControls(name, controls, options));
  }

  private lock(): void {
    const { lock } = this.args;
    if (!lock) return;
    const configuration = {
      ...this.target,
      objectLockEnabled: 'Enabled',
      rule: { defaultRetention: { mode: lock.mode, days: lock.days } },
    };
    this.make('lock', (name, options) => new s3.BucketObjectLockConfiguration(name, configuration, options));
  }

  private setLifecycle(): void {
    const { lifecycleRules = [] } = this.args;
    if (lifecycleRules.length === 0 || this.lacks('lifecycle')) return;
    const configuration = { ...this.target, rules: [...lifecycleRules] };
    this.make('lifecycle', (name, options) => new s3.BucketLifecycleConfiguration(name, configuration, options));
  }

  private logAccess(): void {
    const { accessLogs } = this.args;
    if (!accessLogs) return;
    const { bucket, prefix: targetPrefix = `${this.name}/` } = accessLogs;
    const targetBucket = validated('accessLogs.bucket', bucket, bucketName);
    const logging = { ...this.target, targetBucket, targetPrefix };
    this.make('access-logs', (name, options) => new s3.BucketLogging(name, logging, options));
  }

  private setPolicy(): void {
    const { policy, bucketArn } = this.args;
    if (!policy || this.lacks('bucket-policy')) return;
    const document = pulumi
      .all([bucketArn, policy.minimumTlsVersion, policy.statements])
      .apply(([arn, version, statements]) =>
        bucketPolicy([...tlsStatements(arn, version), ...statements], policy.statementsFrom),
      );
    const configuration = { ...this.target, policy: document };
    this.make('policy', (name, options) => new s3.BucketPolicy(name, configuration, options));
  }

  /** Found by type and name; a former resource that was deleted instead would end the versioning that the new one began. */
  private aliases(): pulumi.Alias[] {
    const { formerName } = this.args;
    return formerName === undefined ? [] : [{ name: formerName, parent: pulumi.rootStackResource }];
  }

  private lacks(feature: S3Feature): boolean {
    return this.args.without.includes(feature);
  }

  private make(part: string, create: (name: string, options: pulumi.CustomResourceOptions) => pulumi.Resource): void {
    this.series.make((options) => create(`${this.name}-${part}`, { ...options, aliases: this.aliases() }));
  }
}

function bucketPolicy(statements: readonly PolicyStatement[], from = 'bucket'): string {
  const text = JSON.stringify(policyDocument(statements));
  if (Buffer.byteLength(text) > LONGEST_BUCKET_POLICY) {
    refuse(
      from,
      `must fit into a bucket policy of ${LONGEST_BUCKET_POLICY} bytes, got ${Buffer.byteLength(text)} bytes; name fewer statements or principals`,
    );
  }
  return text;
}
