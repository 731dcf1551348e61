import { isBlockId } from '../../../lib/contract/repository-layout';
import { isMissing, type SourceDisk } from '../source/source-disk';
import type { WalFolder } from '../wal/wal-folder';

/** A block by where it lies: `<tenant>/<block ID>`. */
type BlockName = string;

/** What Tempo holds beside its backend: WAL blocks by name, and the folder of each. */
type WalBlocks = ReadonlyMap<BlockName, string>;

/** Where it shows what Tempo has flushed. */
export interface FlushSource {
  readonly wal: WalFolder;
  /** The folder of the local backend; undefined when that is a bucket: then the marks beside the WAL tell. */
  readonly path: string | undefined;
}

/**
 * What must reach the backend, and what of it has not yet. Only the disk tells: Tempo answers before it flushes, and its metrics show an
 * empty queue all the time.
 */
export class FlushBarrier {
  private readonly awaited = new Set<BlockName>();
  private readonly seen: WalBlocks;
  private readonly tenantsSeen: ReadonlySet<string>;
  private readonly disk: SourceDisk;

  /**
   * To be made before Tempo is told to flush: a head that comes later is the next one, which no flush cuts before its time. Where a tenant
   * had none, the flush itself may have made the first out of what was in memory.
   */
  constructor(
    private readonly source: FlushSource,
    private readonly rule: 'wal-emptied' | 'in-backend',
  ) {
    this.disk = source.wal.disk;
    this.seen = this.walBlocks();
    this.tenantsSeen = new Set([...this.seen.keys()].map(tenantOf));
  }

  /** To be called right after the flush: what it cut, and what was on its way already. */
  begin(): void {
    for (const [name, folder] of this.walBlocks()) if (this.isCut(name) && this.hasMeta(folder)) this.awaited.add(name);
    for (const name of this.unflushed()) this.awaited.add(name);
  }

  /** What hasn't reached the backend; empty: the barrier is reached. */
  open(): BlockName[] {
    for (const name of this.awaited) if (this.hasArrived(name)) this.awaited.delete(name);
    return [...this.awaited].sort();
  }

  private isCut(name: BlockName): boolean {
    return this.seen.has(name) || !this.tenantsSeen.has(tenantOf(name));
  }

  private hasArrived(name: BlockName): boolean {
    if (this.rule === 'in-backend') {
      const folder = `${this.source.path ?? ''}/${name}`;
      return this.exists(`${folder}/meta.json`) || this.exists(`${folder}/meta.compacted.json`);
    }
    // In this order: the block beside the WAL is whole before the WAL block goes.
    const wal = this.walBlocks().get(name);
    if (wal !== undefined && this.hasMeta(wal)) return false;
    const local = this.localFolder(name);
    return !this.exists(`${local}/meta.json`) || this.exists(`${local}/flushed`);
  }

  private walBlocks(): WalBlocks {
    return new Map(this.source.wal.list().map(({ tenant, id, folder }) => [`${tenant}/${id}`, folder]));
  }

  /** Completed blocks that aren't flushed. */
  private unflushed(): BlockName[] {
    const root = `${this.source.wal.path ?? ''}/blocks`;
    return this.list(root).flatMap((tenant) =>
      this.list(`${root}/${tenant}`)
        .filter((id) => isBlockId(id))
        .map((id) => `${tenant}/${id}`)
        .filter((name) => this.exists(`${root}/${name}/meta.json`) && !this.exists(`${root}/${name}/flushed`)),
    );
  }

  /** 3.0 renames it to `meta.deleted.json` when the block is complete. */
  private hasMeta(folder: string): boolean {
    return this.exists(`${folder}/meta.json`);
  }

  private localFolder(name: BlockName): string {
    return `${this.source.wal.path ?? ''}/blocks/${name}`;
  }

  private exists(path: string): boolean {
    return this.disk.seen(path) !== undefined;
  }

  private list(folder: string): string[] {
    try {
      return this.disk
        .list(folder)
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }
}

function tenantOf(name: BlockName): string {
  return name.slice(0, name.indexOf('/'));
}
