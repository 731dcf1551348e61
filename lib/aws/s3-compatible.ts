import { serverUrl } from './private/checks';
import { validated } from './private/validated-input';

/**
 * A part of a bucket's configuration that AWS has and another server may lack.
 *
 * - `public-access-block`, `ownership-controls`, `access-logs`, `encryption`: the calls of that name
 * - `bucket-policy`: TLS only and the minimum TLS version
 * - `replication`: replication as AWS configures it, by role and rule
 * - `lifecycle`: all lifecycle rules
 * - `abort-incomplete-uploads`, `transitions`: these actions of them
 */
export type S3Feature =
  | 'public-access-block'
  | 'ownership-controls'
  | 'bucket-policy'
  | 'encryption'
  | 'access-logs'
  | 'replication'
  | 'lifecycle'
  | 'abort-incomplete-uploads'
  | 'transitions';

/** Where an S3-compatible server is reached and what it lacks. */
export interface S3CompatibleProps {
  /** Its URL as the runner reaches it, such as `https://minio.example.com:9000`, without credentials. */
  readonly url: string;
  /**
   * What the server lacks and is therefore left unconfigured.
   *
   * @default - nothing: everything is configured, and the server refuses what it doesn't know
   */
  readonly without?: readonly S3Feature[];
}

/** Where a MinIO is reached. */
export interface MinioProps {
  /** Its URL as the runner reaches it, such as `https://minio.example.com:9000`, without credentials. */
  readonly url: string;
  /**
   * Whether the server has a tier for each storage class that the plan names, under the very name of the class.
   *
   * @default false - the plan's transitions are left out
   */
  readonly tiers?: boolean;
  /**
   * Whether the server has a key for encryption at rest.
   *
   * @default true
   */
  readonly encryption?: boolean;
}

/**
 * An S3-compatible server in the place of AWS. Passing one is the only way to switch a protection off; what is switched off is logged by
 * each update and is in the component's property `switchedOff`. The Pulumi provider that reaches the server is passed in the options.
 *
 * @example new BackupBucket('tempo-backups', { plan, endpoint: S3Compatible.minio({ url: 'https://minio.example.com' }) }, { provider })
 */
export class S3Compatible {
  /**
   * A MinIO: its bucket policies bind only anonymous callers, it replicates by remote targets of its own, removes incomplete uploads by a
   * setting of the server, and has neither a public access block, ownership controls nor access logs.
   */
  static minio(props: MinioProps): S3Compatible {
    const without: S3Feature[] = [
      'public-access-block',
      'ownership-controls',
      'bucket-policy',
      'access-logs',
      'replication',
      'abort-incomplete-uploads',
    ];
    if (!props.tiers) without.push('transitions');
    if (props.encryption === false) without.push('encryption');
    return new S3Compatible({ url: props.url, without });
  }

  /** Another server. */
  static server(props: S3CompatibleProps): S3Compatible {
    return new S3Compatible(props);
  }

  /** Its URL. */
  readonly url: string;
  /** What it lacks. */
  readonly without: readonly S3Feature[];

  private constructor({ url, without = [] }: S3CompatibleProps) {
    validated('endpoint.url', url, serverUrl);
    this.url = url;
    this.without = without;
  }
}
