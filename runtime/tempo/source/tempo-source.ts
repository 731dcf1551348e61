import { realpathSync } from 'node:fs';
import { type ScannedTenant, scanBlockTree, type ScannedTree, unreadable } from './block-tree';
import type { BlockPlace } from './local-block';
import { SourceDisk } from './source-disk';
import { checkTempoFolders } from '../configuration/tempo-folders';
import { parseWalName, type WalPlace } from './wal-block';

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

/** A tenant's blocks as a scan of the WAL folder and then of the backend found them. */
export interface SourceTenant extends ScannedTenant {
  /** Blocks that an ingester has completed and keeps beside its WAL, flushed or not, and the state of their meta.json. */
  readonly local: ReadonlyMap<string, string>;
  /** Those in `live` that only `local` has. */
  readonly unflushed: ReadonlySet<string>;
}

export interface SourceScan {
  readonly tenants: ReadonlyMap<string, SourceTenant>;
  readonly damaged: ScannedTree['damaged'];
}

const NO_TENANT: ScannedTenant = { live: new Map(), compacted: new Set() };

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
  /** True when there was nothing at all when it was opened: a Tempo that was just installed, or a volume that isn't mounted. */
  readonly isEmpty: boolean;

  private constructor(
    readonly path: string,
    readonly walPath: string | undefined,
    opened: { disk: SourceDisk; isEmpty: boolean },
  ) {
    this.disk = opened.disk;
    this.isEmpty = opened.isEmpty;
  }

  /** The WAL blocks' folders; whether anything is in them shows when they are opened. */
  listWal(): WalPlace[] {
    if (this.walPath === undefined) return [];
    const places: WalPlace[] = [];
    for (const entry of listRoot(this.disk, this.walPath)) {
      const parts = parseWalName(entry.name);
      if (parts && (entry.isDirectory() || entry.isSymbolicLink()))
        places.push({ ...parts, folder: `${this.walPath}/${entry.name}` });
    }
    return places;
  }

  /**
   * Looks at all blocks. Data moves from the WAL folder to the backend, and is there before it leaves here: looked at in this order, nothing
   * slips through between the two.
   */
  async scan(signal: AbortSignal): Promise<SourceScan> {
    const local =
      this.walPath === undefined ? undefined : await scanBlockTree(this.disk, `${this.walPath}/blocks`, signal);
    const unflushed = local && this.findUnflushed(local);
    // A tree that isn't there is an empty one for the scan, which is right for `blocks` but not for the backend.
    listRoot(this.disk, this.path);
    const backend = await scanBlockTree(this.disk, this.path, signal);
    const tenants = new Map<string, SourceTenant>();
    for (const tenant of new Set([...backend.tenants.keys(), ...(local?.tenants.keys() ?? [])])) {
      const localLive = local?.tenants.get(tenant)?.live ?? NO_TENANT.live;
      tenants.set(tenant, merge(backend.tenants.get(tenant) ?? NO_TENANT, localLive, unflushed?.get(tenant) ?? []));
    }
    return { tenants, damaged: [...(local?.damaged ?? []), ...backend.damaged] };
  }

  /** Where a block can be had: the first place is where it counts, the second, if any, has it from before it was flushed. */
  placesOf(tenant: string, id: string, scanned: SourceTenant): BlockPlace[] {
    const backend = { folder: `${this.path}/${tenant}/${id}`, tenant, id };
    const local = { folder: `${this.walPath}/blocks/${tenant}/${id}`, tenant, id };
    if (scanned.unflushed.has(id)) return [local];
    return scanned.local.has(id) ? [backend, local] : [backend];
  }

  private findUnflushed(local: ScannedTree): Map<string, string[]> {
    const isFlushed = (tenant: string, id: string): boolean =>
      this.disk.state(`${this.walPath}/blocks/${tenant}/${id}/flushed`) !== undefined;
    return new Map(
      [...local.tenants].map(([tenant, { live }]) => [tenant, [...live.keys()].filter((id) => !isFlushed(tenant, id))]),
    );
  }
}

function merge(
  backend: ScannedTenant,
  local: ReadonlyMap<string, string>,
  candidates: readonly string[],
): SourceTenant {
  const live = new Map(backend.live);
  const unflushed = new Set<string>();
  for (const id of candidates) {
    if (backend.live.has(id) || backend.compacted.has(id)) continue;
    live.set(id, local.get(id) ?? '');
    unflushed.add(id);
  }
  return { live, compacted: backend.compacted, local, unflushed };
}

function listRoot(disk: SourceDisk, folder: string): ReturnType<SourceDisk['list']> {
  try {
    return disk.list(folder);
  } catch (error) {
    throw unreadable(folder, error);
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
