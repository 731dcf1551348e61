import { ExitCode } from '../../../lib/contract/exit-codes';
import type { Damage } from '../../../lib/contract/manifest';
import { RunnerError } from '../../errors';
import { forEachConcurrently } from '../../streams/concurrency';
import { BlockTransfer, type TransferResult } from './block-transfer';
import type { CutSink } from './cut-sink';
import type { TempoSource } from './tempo-source';
import type { SourceScan, SourceTenant } from '../wal/wal-folder';
import { type StoredWal, WalTransfer } from '../wal/wal-transfer';

export interface TenantCut {
  /** Block ID to `SourceBlock.seen`: all are stored or known. Unflushed local blocks are among them, damaged ones aren't. */
  readonly live: ReadonlyMap<string, string>;
  /** IDs that Tempo marked as compacted: superseded or expired. */
  readonly compacted: ReadonlySet<string>;
  /** Whether the sink has just these: then nobody looked at the blocks, and what `live` says of their states means nothing. */
  readonly isUnchanged: boolean;
}

export interface Cut {
  /** Every trace that was in a block or a closed WAL page at this time is in the cut. */
  readonly cutAt: Date;
  readonly tenants: ReadonlyMap<string, TenantCut>;
  /** Names (`<id>+<tenant>+<encoding>`) of the WAL blocks that belong to the cut; of those stored, the rest is in blocks by now. */
  readonly wal: ReadonlySet<string>;
  readonly damaged: readonly Damage[];
  readonly bytesRead: number;
  /** How often the source was scanned. */
  readonly scans: number;
}

export interface CutProgress {
  /** Blocks to store, as far as scans have found them; those known to the sink don't count. */
  readonly blocks: number;
  readonly blocksDone: number;
  readonly bytesRead: number;
}

export interface CutOptions {
  readonly signal: AbortSignal;
  /** @default 8 */
  readonly concurrency?: number;
  /** @default - nobody is told */
  readonly onProgress?: (progress: CutProgress) => void;
}

/** A Tempo that compacts all the time is still still for the moment between two scans, sooner or later. */
const MOST_SCANS = 20;
const CONCURRENCY = 8;

/**
 * Stores all blocks and closed WAL pages of a Tempo that is running.
 *
 * Data moves from the WAL to local blocks, to the backend, from there to larger blocks, and is always there before it leaves here. So what is
 * looked at later is downstream, and blocks are scanned until none has left between two scans: what a scan missed while it went on must have
 * been moved by then into what it, or the next one, finds.
 */
export async function takeCut(source: TempoSource, sink: CutSink, options: CutOptions): Promise<Cut> {
  return takeCutOf(diskSource(source, sink, options.signal), sink, options);
}

/** What a cut needs of a Tempo's data, wherever that lies. */
export interface CutSource {
  /** For messages. */
  readonly place: string;
  readonly bytesRead: () => number;
  /** The closed pages of the WAL, before anything else is looked at. */
  storeWal(concurrency: number): Promise<StoredWal[]>;
  scan(signal: AbortSignal): Promise<SourceScan>;
  /** Brings a live block of a scan to the sink, as one version of it. */
  storeBlock(tenant: string, id: string, scanned: SourceTenant): Promise<TransferResult>;
}

/** As `takeCut`, of any source. */
export async function takeCutOf(source: CutSource, sink: CutSink, options: CutOptions): Promise<Cut> {
  return new CutRun(source, sink, options).take();
}

function diskSource(source: TempoSource, sink: CutSink, signal: AbortSignal): CutSource {
  const transfer = new BlockTransfer(source, sink, signal);
  return {
    place: source.path,
    bytesRead: () => source.disk.bytesRead,
    storeWal: (concurrency) => new WalTransfer(source.wal, sink, signal).storeAll(concurrency),
    scan: (scanSignal) => source.scan(scanSignal),
    storeBlock: (tenant, id, scanned) => transfer.store(tenant, id, scanned),
  };
}

/** Where a block's state is kept that the sink has. */
type States = Map<string, Map<string, string>>;

class CutRun {
  private readonly cutAt = new Date();
  private readonly bytesBefore: number;
  private readonly concurrency: number;
  /** What the sink has of this very cut. */
  private readonly held: States = new Map();
  private readonly damaged: States = new Map();
  private readonly reports = new Map<string, Damage>();
  private blocks = 0;
  private blocksDone = 0;

  constructor(
    private readonly source: CutSource,
    private readonly sink: CutSink,
    private readonly options: CutOptions,
  ) {
    this.bytesBefore = source.bytesRead();
    this.concurrency = options.concurrency ?? CONCURRENCY;
  }

  async take(): Promise<Cut> {
    const wal = await this.source.storeWal(this.concurrency);
    let previous: SourceScan | undefined;
    for (let scans = 1; scans <= MOST_SCANS; scans++) {
      const scan = await this.source.scan(this.options.signal);
      const isComplete = await this.store(scan);
      if (isUnchanged(scan) || (previous && isComplete && this.nothingLeft(previous, scan)))
        return this.finish(scan, wal, scans);
      previous = scan;
    }
    throw new RunnerError(
      `can't take a cut of '${this.source.place}': its blocks kept changing during ${MOST_SCANS} scans; try again when Tempo compacts less`,
      ExitCode.FAILED,
      { path: this.source.place, scans: MOST_SCANS },
    );
  }

  /** False when a block vanished or kept changing, so that its data has to be looked for again. */
  private async store(scan: SourceScan): Promise<boolean> {
    const missing = await this.findMissing(scan);
    this.blocks += missing.length;
    let isComplete = true;
    const storeOne = async ({ tenant, id }: { tenant: string; id: string }): Promise<void> => {
      if (!(await this.storeBlock(scan, tenant, id))) isComplete = false;
      this.blocksDone++;
      this.report();
    };
    this.report();
    await forEachConcurrently(missing, this.concurrency, storeOne, this.options.signal);
    return isComplete;
  }

  private async findMissing(scan: SourceScan): Promise<{ tenant: string; id: string }[]> {
    const missing: { tenant: string; id: string }[] = [];
    for (const [tenant, { live, isUnchanged: asKnown }] of scan.tenants) {
      if (asKnown) continue;
      const open = this.findOpen(tenant, live);
      const known = open.length > 0 ? await this.sink.known(tenant, live) : new Set<string>();
      this.options.signal.throwIfAborted();
      const held = statesOf(this.held, tenant);
      for (const id of open) {
        if (known.has(id)) held.set(id, live.get(id) ?? '');
        else missing.push({ tenant, id });
      }
    }
    return missing;
  }

  private findOpen(tenant: string, live: ReadonlyMap<string, string>): string[] {
    const held = statesOf(this.held, tenant);
    const damaged = statesOf(this.damaged, tenant);
    const open: string[] = [];
    for (const [id, seen] of live) {
      if (held.get(id) !== seen && damaged.get(id) !== seen) open.push(id);
    }
    return open;
  }

  private async storeBlock(scan: SourceScan, tenant: string, id: string): Promise<boolean> {
    const scanned = scan.tenants.get(tenant);
    const seen = scanned?.live.get(id);
    if (!scanned || seen === undefined) return false;
    const result = await this.source.storeBlock(tenant, id, scanned);
    const key = `${tenant}/${id}`;
    this.reports.delete(key);
    if (result.kind === 'gone') return false;
    const reason = result.kind === 'damaged' ? result.reason : result.instead;
    if (reason !== undefined) {
      this.reports.set(key, { tenant, block: id, reason });
      statesOf(this.damaged, tenant).set(id, seen);
    }
    if (result.kind === 'stored') statesOf(this.held, tenant).set(id, result.seen);
    return true;
  }

  /**
   * Whether all blocks of the earlier scan are still live and no other was compacted meanwhile. Blocks that came are fine: what they hold was
   * upstream, or is in the sink twice.
   */
  private nothingLeft(previous: SourceScan, scan: SourceScan): boolean {
    for (const [tenant, { live }] of previous.tenants) {
      const now = scan.tenants.get(tenant)?.live;
      for (const id of live.keys()) if (!now?.has(id)) return false;
    }
    for (const [tenant, { compacted }] of scan.tenants) {
      const before = previous.tenants.get(tenant)?.compacted;
      for (const id of compacted) if (!before?.has(id)) return false;
    }
    return true;
  }

  private finish(scan: SourceScan, wal: readonly StoredWal[], scans: number): Cut {
    const tenants = new Map<string, TenantCut>();
    for (const [tenant, { live, compacted, isUnchanged: asKnown }] of scan.tenants) {
      if (asKnown) {
        tenants.set(tenant, { live, compacted, isUnchanged: true });
        continue;
      }
      const held = statesOf(this.held, tenant);
      const states = [...live.keys()].map((id): [string, string | undefined] => [id, held.get(id)]);
      tenants.set(tenant, { live: new Map(states.filter(isHeld)), compacted, isUnchanged: false });
    }
    // Of what a block holds by now, neither the pages nor what was wrong with them matters.
    const open = wal.filter(
      ({ tenant, id }) => !tenants.get(tenant)?.live.has(id) && !tenants.get(tenant)?.compacted.has(id),
    );
    const reports = [...this.reports.values()].filter(({ tenant, block }) => scan.tenants.get(tenant)?.live.has(block));
    return {
      cutAt: this.cutAt,
      tenants,
      wal: new Set(open.flatMap(({ name }) => name ?? [])),
      damaged: [...scan.damaged, ...reports, ...open.flatMap(({ damaged }) => damaged)],
      bytesRead: this.source.bytesRead() - this.bytesBefore,
      scans,
    };
  }

  private report(): void {
    const bytesRead = this.source.bytesRead() - this.bytesBefore;
    this.options.onProgress?.({ blocks: this.blocks, blocksDone: this.blocksDone, bytesRead });
  }
}

/** One look is enough then: what Tempo moved while it went on is in a block that came long before the one that left, and none came. */
function isUnchanged({ tenants }: SourceScan): boolean {
  return tenants.size > 0 && [...tenants.values()].every((tenant) => tenant.isUnchanged);
}

function isHeld(entry: [string, string | undefined]): entry is [string, string] {
  return entry[1] !== undefined;
}

function statesOf(states: States, tenant: string): Map<string, string> {
  const found = states.get(tenant) ?? new Map<string, string>();
  states.set(tenant, found);
  return found;
}
