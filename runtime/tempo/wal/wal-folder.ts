import { scanBlockTree, type ScannedTenant, type ScannedTree, unreadable } from '../source/block-tree';
import type { SourceDisk } from '../source/source-disk';
import { parseWalName, type WalPlace } from './wal-block';

/** A tenant's blocks as a scan of the WAL folder and then of the backend found them. */
export interface SourceTenant extends ScannedTenant {
  /** Blocks that an ingester has completed and keeps beside its WAL, flushed or not, and the state of their meta.json. */
  readonly local: ReadonlyMap<string, string>;
  /** Those in `live` that only `local` has. */
  readonly unflushed: ReadonlySet<string>;
  readonly isUnchanged: boolean;
}

export interface SourceScan {
  readonly tenants: ReadonlyMap<string, SourceTenant>;
  readonly damaged: ScannedTree['damaged'];
}

/** What a scan of the WAL folder found of completed blocks. */
export interface ScannedWal {
  readonly tree: ScannedTree;
  /** Tenant to the IDs of blocks that Tempo hasn't marked as flushed. */
  readonly unflushed: ReadonlyMap<string, readonly string[]>;
}

const NO_TENANT: ScannedTenant = { live: new Map(), compacted: new Set() };

/** The folder of an ingester's WAL, or in 3.0 of the live store's: WAL blocks, and completed blocks below `blocks`. */
export class WalFolder {
  constructor(
    readonly disk: SourceDisk,
    /** Undefined: what isn't in the backend yet isn't looked for. */
    readonly path: string | undefined,
  ) {}

  /** The WAL blocks' folders; whether anything is in them shows when they are opened. */
  list(): WalPlace[] {
    if (this.path === undefined) return [];
    const places: WalPlace[] = [];
    for (const entry of listRoot(this.disk, this.path)) {
      const parts = parseWalName(entry.name);
      if (parts && (entry.isDirectory() || entry.isSymbolicLink()))
        places.push({ ...parts, folder: `${this.path}/${entry.name}` });
    }
    return places;
  }

  /** The completed blocks. */
  async scan(signal: AbortSignal): Promise<ScannedWal> {
    if (this.path === undefined) return { tree: { tenants: new Map(), damaged: [] }, unflushed: new Map() };
    const tree = await scanBlockTree(this.disk, `${this.path}/blocks`, signal);
    const isFlushed = (tenant: string, id: string): boolean =>
      this.disk.state(`${this.path}/blocks/${tenant}/${id}/flushed`) !== undefined;
    const unflushed = Array.from(tree.tenants, ([tenant, { live }]): [string, string[]] => [
      tenant,
      [...live.keys()].filter((id) => !isFlushed(tenant, id)),
    ]);
    return { tree, unflushed: new Map(unflushed) };
  }

  folderOf(tenant: string, id: string): string {
    return `${this.path}/blocks/${tenant}/${id}`;
  }
}

/** The backend's blocks, and with them those that only the WAL folder has. */
export function mergeScans(local: ScannedWal, backend: ScannedTree): SourceScan {
  const tenants = new Map<string, SourceTenant>();
  for (const tenant of new Set([...backend.tenants.keys(), ...local.tree.tenants.keys()])) {
    const localLive = local.tree.tenants.get(tenant)?.live ?? NO_TENANT.live;
    const candidates = local.unflushed.get(tenant) ?? [];
    tenants.set(tenant, merge(backend.tenants.get(tenant) ?? NO_TENANT, localLive, candidates));
  }
  return { tenants, damaged: [...local.tree.damaged, ...backend.damaged] };
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
  return { live, compacted: backend.compacted, local, unflushed, isUnchanged: backend.isUnchanged === true };
}

/** Throws `UsageError` when it can't be read, as there is no backup without it. */
export function listRoot(disk: SourceDisk, folder: string): ReturnType<SourceDisk['list']> {
  try {
    return disk.list(folder);
  } catch (error) {
    throw unreadable(folder, error);
  }
}
