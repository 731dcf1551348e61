import { type k8s } from 'cdk8s-plus-28';
import { type KubernetesIdentity, type RunnerConfigInput } from '../../contract/index';
import { CONFIG_FOLDER, REPOSITORY_FOLDER } from '../private/folders';
import { claimName, literal, segmentsWithin } from '../private/checks/literal';
import { type Mount } from '../private/mount';
import { type PersistentVolumeClaimReference } from '../repository/backup-repository';
import { type CaBundle } from '../repository/ca-bundle';
import { portOfEndpoint } from '../repository/endpoint';
import { type S3Credentials } from '../repository/s3-credentials';
import { VolumeAccess } from './volume-access';

/** How a volume is mounted. */
export interface TempoVolumeOptions {
  /**
   * Where Tempo mounts the volume.
   *
   * @default '/var/tempo'
   */
  readonly mountPath?: string;

  /**
   * How a backup reaches the volume.
   *
   * @default VolumeAccess.SHARED
   */
  readonly access?: VolumeAccess;
}

/** Where in a volume the data lies, and how it is reached. */
export interface PersistentVolumeClaimOptions extends TempoVolumeOptions {
  /**
   * Folder of the blocks in the volume.
   *
   * @default 'traces'
   */
  readonly tracesPath?: string;

  /**
   * Folder of the WAL in the volume; null: it lies elsewhere, and is lost with its pod. Tempo 3.0 keeps it in `live-store/traces`.
   *
   * @default 'wal'
   */
  readonly walPath?: string | null;
}

/** The volume that holds the WAL of a Tempo whose blocks lie in a bucket. */
export interface WalVolumeOptions extends TempoVolumeOptions {
  /** The claim. */
  readonly claim: PersistentVolumeClaimReference;

  /**
   * Folder of the WAL in the volume.
   *
   * @default 'wal'
   */
  readonly walPath?: string;
}

/** The bucket of a Tempo. */
export interface TempoS3Options {
  /** Name of the bucket: Tempo's `storage.trace.s3.bucket`. */
  readonly bucket: string;

  /**
   * Prefix of all keys: Tempo's `storage.trace.s3.prefix`.
   *
   * @default - the root of the bucket
   */
  readonly prefix?: string;

  /**
   * Region of the bucket.
   *
   * @default - as the AWS SDK finds it
   */
  readonly region?: string;

  /**
   * URL of an endpoint that isn't AWS, such as `https://minio:9000`, without credentials.
   *
   * @default - AWS
   */
  readonly endpoint?: string;

  /**
   * Whether the bucket stands in the path instead of the host name.
   *
   * @default - true with `endpoint`, else false
   */
  readonly pathStyle?: boolean;

  /**
   * Access keys. The runner has one set, for this bucket and the repository: give them once, here or there.
   *
   * @default - those of the repository, else the identity of each pod's ServiceAccount
   */
  readonly credentials?: S3Credentials;

  /**
   * Certificate authorities to trust besides the usual ones.
   *
   * @default - the usual ones only
   */
  readonly caBundle?: CaBundle;

  /**
   * The volume that holds the WAL.
   *
   * @default - none: what Tempo hasn't flushed to the bucket is in no recovery point
   */
  readonly wal?: WalVolumeOptions;
}

type StorageInput = NonNullable<NonNullable<RunnerConfigInput['tempo']>['storage']>;

interface Volume {
  readonly claim: string;
  readonly mountPath: string;
  readonly access: VolumeAccess;
}

interface Content {
  readonly config: StorageInput;
  readonly volume?: Volume | undefined;
  readonly caBundle?: CaBundle | undefined;
  readonly credentials?: S3Credentials | undefined;
}

/** Where a pod of the runner has its own image, files and volumes. */
const TAKEN: readonly string[] = ['/', '/tmp', '/keys', CONFIG_FOLDER, REPOSITORY_FOLDER];

/** Those who see what Tempo has. */
const USERS: readonly KubernetesIdentity[] = ['backup', 'restore-mover'];

/**
 * Where Tempo keeps its blocks and its WAL.
 *
 * @example TempoStorage.persistentVolumeClaim('storage-tempo-0', { access: VolumeAccess.SHARED })
 */
export class TempoStorage {
  /** A volume, for Tempo's local backend. Throws when a path leads out of the volume. */
  static persistentVolumeClaim(
    claim: PersistentVolumeClaimReference,
    options: PersistentVolumeClaimOptions = {},
  ): TempoStorage {
    const { tracesPath = 'traces', walPath = 'wal' } = options;
    const volume = volumeOf(claim, options);
    const path = within(volume, 'tracesPath', tracesPath);
    const config = walPath === null ? { path } : { path, walPath: within(volume, 'walPath', walPath) };
    return new TempoStorage({ config, volume });
  }

  /** A bucket, for Tempo's s3 backend, whose WAL may lie on a volume. Throws when the endpoint is no http or https URL. */
  static s3({ wal, caBundle, credentials, ...bucket }: TempoS3Options): TempoStorage {
    literal('bucket', bucket.bucket);
    if (bucket.endpoint !== undefined) portOfEndpoint(bucket.endpoint);
    const volume = wal && volumeOf(wal.claim, wal);
    const config = {
      backend: 's3',
      ...bucket,
      caBundle: caBundle?._path('tempo-ca'),
      walPath: volume && within(volume, 'walPath', wal.walPath ?? 'wal'),
    } as const;
    return new TempoStorage({ config, volume, caBundle, credentials });
  }

  private constructor(private readonly content: Content) {}

  /** Where the blocks lie: on a volume, or in a bucket. */
  get backend(): 'local' | 's3' {
    return this.content.config.backend ?? 'local';
  }

  /** Name of the claim that holds blocks or WAL; undefined: there is none. */
  get claim(): string | undefined {
    return this.content.volume?.claim;
  }

  /** How a backup reaches the volume; undefined: there is none. */
  get access(): VolumeAccess | undefined {
    return this.content.volume?.access;
  }

  /** Whether a volume holds the WAL. */
  get holdsWal(): boolean {
    return this.content.config.walPath !== undefined;
  }

  /**
   * What the runner's configuration says of it.
   *
   * @internal
   */
  get _config(): StorageInput {
    return this.content.config;
  }

  /**
   * Access keys for its bucket.
   *
   * @internal
   */
  get _credentials(): S3Credentials | undefined {
    return this.content.credentials;
  }

  /**
   * Port that the pods must reach; undefined: none.
   *
   * @internal
   */
  get _port(): number | undefined {
    const { config } = this.content;
    if (config.backend !== 's3') return undefined;
    return config.endpoint === undefined ? 443 : portOfEndpoint(config.endpoint);
  }

  /**
   * What the pods of an identity need of it: who makes backups only reads.
   *
   * @internal
   */
  _mounts(identity: KubernetesIdentity): Mount[] {
    if (!USERS.includes(identity)) return [];
    const { volume, caBundle } = this.content;
    const readOnly = identity === 'backup';
    return [
      ...(volume === undefined ? [] : [{ volume: podVolume(volume, readOnly), path: volume.mountPath, readOnly }]),
      ...(caBundle === undefined ? [] : [caBundle._mount('tempo-ca')]),
    ];
  }
}

function volumeOf(claim: PersistentVolumeClaimReference, options: TempoVolumeOptions): Volume {
  const { mountPath = '/var/tempo', access = VolumeAccess.SHARED } = options;
  if (!literal('mountPath', mountPath).startsWith('/'))
    throw new Error(`'mountPath' must be an absolute path, got '${mountPath}'`);
  const path = `/${segmentsWithin('mountPath', mountPath).join('/')}`;
  if (TAKEN.includes(path))
    throw new Error(
      `'mountPath' must not be '${mountPath}', where a pod of the runner has files of its own; name the folder below it that Tempo uses, or mount the volume elsewhere`,
    );
  return { claim: claimName(claim), mountPath: path, access };
}

function podVolume({ claim, access }: Volume, readOnly: boolean): k8s.Volume {
  const name = 'tempo';
  return readOnly ? access._volume(name, claim) : { name, persistentVolumeClaim: { claimName: claim } };
}

function within({ mountPath }: Volume, name: string, path: string): string {
  const segments = segmentsWithin(name, path);
  if (path.startsWith('/') || segments.length === 0)
    throw new Error(`'${name}' must be a path within the volume such as 'traces', got '${path}'`);
  return [mountPath, ...segments].join('/');
}
