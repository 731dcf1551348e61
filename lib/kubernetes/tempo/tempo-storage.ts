import { type RunnerConfigInput } from '../../contract/index';
import { type Mount } from '../private/mount';
import { type PersistentVolumeClaimReference } from '../repository/backup-repository';
import { VolumeAccess } from './volume-access';

/** Where in a volume the data lies, and how it is reached. */
export interface PersistentVolumeClaimOptions {
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

type StorageInput = NonNullable<NonNullable<RunnerConfigInput['tempo']>['storage']>;

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
    const { tracesPath = 'traces', walPath = 'wal', mountPath = '/var/tempo', access = VolumeAccess.SHARED } = options;
    if (!mountPath.startsWith('/')) throw new Error(`'mountPath' must be an absolute path, got '${mountPath}'`);
    const path = within(mountPath, 'tracesPath', tracesPath);
    const config = walPath === null ? { path } : { path, walPath: within(mountPath, 'walPath', walPath) };
    return new TempoStorage(typeof claim === 'string' ? claim : claim.name, mountPath, access, config);
  }

  private constructor(
    /** Name of the claim that holds the data. */
    readonly claim: string,
    /** Where the volume is mounted, in Tempo as in the runner. */
    readonly mountPath: string,
    /** How a backup reaches the volume. */
    readonly access: VolumeAccess,
    private readonly config: StorageInput,
  ) {}

  /** Whether a volume holds the WAL. */
  get holdsWal(): boolean {
    return this.config.walPath !== undefined;
  }

  /**
   * What the runner's configuration says of it.
   *
   * @internal
   */
  get _config(): StorageInput {
    return this.config;
  }

  /**
   * The volume of a pod that reads the data.
   *
   * @internal
   */
  get _source(): Mount {
    return { volume: this.access._volume('tempo', this.claim), path: this.mountPath, readOnly: true };
  }

  /**
   * The volume of a pod that puts data back.
   *
   * @internal
   */
  get _target(): Mount {
    const volume = { name: 'tempo', persistentVolumeClaim: { claimName: this.claim } };
    return { volume, path: this.mountPath, readOnly: false };
  }
}

function within(mountPath: string, name: string, path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  if (path.startsWith('/') || segments.length === 0 || segments.includes('..'))
    throw new Error(`'${name}' must be a path within the volume such as 'traces', got '${path}'`);
  return [mountPath.replace(/\/+$/, ''), ...segments].join('/');
}
