import { type k8s } from 'cdk8s-plus-28';
import { type KubernetesIdentity } from '../../contract/index';
import { REPOSITORY_FOLDER } from '../private/folders';
import { bucketName, claimName, literal, segmentsWithin } from '../private/checks/literal';
import { type Mount } from '../private/mount';
import { type CaBundle } from './ca-bundle';
import { portOfEndpoint } from './endpoint';
import { type S3Credentials } from './s3-credentials';

/** What all repositories have in common. */
export interface RepositoryOptions {
  /**
   * Whether a missing repository is created. Set it to false once it exists: then a vanished one is an error and not a new repository.
   *
   * @default true
   */
  readonly create?: boolean;
}

/** A bucket of AWS. */
export interface S3RepositoryOptions extends RepositoryOptions {
  /** Name of the bucket. */
  readonly bucket: string;

  /** Region of the bucket, such as `eu-west-1`. */
  readonly region: string;

  /**
   * Prefix of all keys. Each Tempo needs a repository of its own: give each a prefix, or a bucket.
   *
   * @default - the root of the bucket
   */
  readonly prefix?: string;

  /**
   * Access keys.
   *
   * @default - the identity of each pod's ServiceAccount, by EKS Pod Identity or IRSA
   */
  readonly credentials?: S3Credentials;
}

/** A bucket behind an endpoint that isn't AWS. */
export interface S3CompatibleRepositoryOptions extends RepositoryOptions {
  /** URL of the endpoint, such as `https://minio.acme.dev:9000`, without credentials. */
  readonly endpoint: string;

  /** Name of the bucket. */
  readonly bucket: string;

  /**
   * Prefix of all keys.
   *
   * @default - the root of the bucket
   */
  readonly prefix?: string;

  /**
   * Region, for servers that insist on one.
   *
   * @default - as the AWS SDK finds it, else what the server takes for its own
   */
  readonly region?: string;

  /**
   * Whether the bucket stands in the path instead of the host name.
   *
   * @default true
   */
  readonly pathStyle?: boolean;

  /**
   * Access keys.
   *
   * @default - whatever the AWS SDK finds in the pod
   */
  readonly credentials?: S3Credentials;

  /**
   * Certificate authorities to trust besides the usual ones.
   *
   * @default - the usual ones only
   */
  readonly caBundle?: CaBundle;
}

/** A claim, by its name or as a construct. */
export type PersistentVolumeClaimReference = string | { readonly name: string };

/** A volume that holds a repository. */
export interface VolumeRepositoryOptions extends RepositoryOptions {
  /**
   * Folder of the repository in the volume.
   *
   * @default - the root of the volume
   */
  readonly path?: string;
}

interface Content {
  readonly url: string;
  readonly create: boolean | undefined;
  readonly volume?: k8s.Volume;
  readonly credentials?: S3Credentials | undefined;
  readonly caBundle?: CaBundle | undefined;
  /** TCP port of the storage endpoint. */
  readonly port?: number;
}

/** Those who put something into the repository. */
const WRITERS: readonly KubernetesIdentity[] = ['backup', 'verify', 'prune', 'snapshot'];

/**
 * Where recovery points are kept: each Tempo needs one of its own.
 *
 * @example BackupRepository.s3({ bucket: 'acme-tempo-backups', region: 'eu-west-1', prefix: 'prod' })
 */
export class BackupRepository {
  /** A bucket of AWS. Throws when the bucket has no name that a bucket may have, or the prefix leads out of it. */
  static s3({ bucket, prefix, region, credentials, create }: S3RepositoryOptions): BackupRepository {
    return new BackupRepository({ url: s3Url(bucket, prefix, { region }), create, credentials, port: 443 });
  }

  /** A bucket behind another endpoint: MinIO, Ceph, R2 … Throws when the endpoint is no http or https URL. */
  static s3Compatible(options: S3CompatibleRepositoryOptions): BackupRepository {
    const { bucket, prefix, region, endpoint, pathStyle = true, credentials, caBundle, create } = options;
    const parameters = { region, endpoint, pathStyle: String(pathStyle), caBundle: caBundle?._path('ca') };
    const port = portOfEndpoint(endpoint);
    return new BackupRepository({ url: s3Url(bucket, prefix, parameters), create, credentials, caBundle, port });
  }

  /**
   * A volume: NFS, a second disk. The claim must be ReadWriteMany, unless all pods of the runner run on the node that has it.
   *
   * It lies in the same cluster as Tempo, so it is no copy that survives the loss of the cluster. Throws when the path leads out of the
   * volume.
   */
  static volume(
    claim: PersistentVolumeClaimReference,
    { path, create }: VolumeRepositoryOptions = {},
  ): BackupRepository {
    const folder = [REPOSITORY_FOLDER, ...segmentsWithin('path', path)].join('/');
    const volume = { name: 'repository', persistentVolumeClaim: { claimName: claimName(claim) } };
    return new BackupRepository({ url: `file://${folder}`, create, volume });
  }

  /** URL of the repository, as the runner takes it. */
  readonly url: string;

  /** Whether a missing repository is created. */
  readonly create: boolean;

  private constructor(private readonly content: Content) {
    this.url = content.url;
    this.create = content.create ?? true;
  }

  /**
   * Name of the claim that holds it; undefined: it lies in a bucket.
   *
   * @internal
   */
  get _claim(): string | undefined {
    return this.content.volume?.persistentVolumeClaim?.claimName;
  }

  /**
   * Port that the pods must reach; undefined for a volume.
   *
   * @internal
   */
  get _port(): number | undefined {
    return this.content.port;
  }

  /**
   * What the pods of an identity need of it. A restore must not be able to change what it restores from.
   *
   * @internal
   */
  _mounts(identity: KubernetesIdentity): Mount[] {
    const { volume, caBundle } = this.content;
    const readOnly = !WRITERS.includes(identity);
    return [
      ...(volume === undefined ? [] : [{ volume, path: REPOSITORY_FOLDER, readOnly }]),
      ...(caBundle === undefined ? [] : [caBundle._mount('ca')]),
    ];
  }

  /**
   * Access keys for its bucket.
   *
   * @internal
   */
  get _credentials(): S3Credentials | undefined {
    return this.content.credentials;
  }
}

function s3Url(bucket: string, prefix: string | undefined, parameters: Record<string, string | undefined>): string {
  const path = segmentsWithin('prefix', prefix).map((segment) => `/${encodeURIComponent(segment)}`);
  const query = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${readable(literal(name, value))}`],
  );
  return `s3://${bucketName(bucket)}${path.join('')}${query.length > 0 ? `?${query.join('&')}` : ''}`;
}

/** People read these URLs, and neither a colon nor a slash means anything in a query. */
function readable(value: string): string {
  return encodeURIComponent(value).replaceAll('%3A', ':').replaceAll('%2F', '/');
}
