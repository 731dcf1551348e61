import { realpathSync } from 'node:fs';
import { scanBlockTree, unreadable } from './block-tree';
import type { BlockPlace } from './local-block';
import { SourceDisk } from './source-disk';
import { checkTempoFolders } from '../configuration/tempo-folders';
import { listRoot, mergeScans, type SourceScan, type SourceTenant, WalFolder } from '../wal/wal-folder';

export interface TempoSourceOptions {
  /** The folder of Tempo's local backend, that which holds the tenants. */
  readonly path: string;
  /**
   * The folder of the ingester's WAL, or in 3.0 the live store's.
   *
   * @default - what isn't in the backend yet isn't looked for
   */
  readonly walPath?: string;
}

/** The data of a Tempo with a local backend, single or multi-tenant, 2.9 to 3.0. */
export class TempoSource {
  /** Throws `UsageError` when a folder can't be read or holds something else than a Tempo's data. */
  static open(options: TempoSourceOptions, disk = new SourceDisk()): TempoSource {
    const path = resolve(options.path);
    const walPath = options.walPath === undefined ? undefined : resolve(options.walPath);
    const { isEmpty } = checkTempoFolders(disk, path, walPath);
    return new TempoSource(path, walPath, { disk, isEmpty });
  }

  readonly disk: SourceDisk;
  readonly wal: WalFolder;
  /** True when there was nothing at all when it was opened: a Tempo that was just installed, or a volume that isn't mounted. */
  readonly isEmpty: boolean;

  private constructor(
    readonly path: string,
    readonly walPath: string | undefined,
    opened: { disk: SourceDisk; isEmpty: boolean },
  ) {
    this.disk = opened.disk;
    this.wal = new WalFolder(opened.disk, walPath);
    this.isEmpty = opened.isEmpty;
  }

  /**
   * Looks at all blocks. Data moves from the WAL folder to the backend, and is there before it leaves here: looked at in this order, nothing
   * slips through between the two.
   */
  async scan(signal: AbortSignal): Promise<SourceScan> {
    const local = await this.wal.scan(signal);
    // A tree that isn't there is an empty one for the scan, which is right for `blocks` but not for the backend.
    listRoot(this.disk, this.path);
    return mergeScans(local, await scanBlockTree(this.disk, this.path, signal));
  }

  /** Where a block can be had: the first place is where it counts, the second, if any, has it from before it was flushed. */
  placesOf(tenant: string, id: string, scanned: SourceTenant): BlockPlace[] {
    const backend = { folder: `${this.path}/${tenant}/${id}`, tenant, id };
    const local = { folder: this.wal.folderOf(tenant, id), tenant, id };
    if (scanned.unflushed.has(id)) return [local];
    return scanned.local.has(id) ? [backend, local] : [backend];
  }
}

/** The folders themselves may be links, as Tempo follows these. */
function resolve(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}
