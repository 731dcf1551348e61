import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { copyBlock, readMeta, writeBlock } from './block-folder';
import type { Events } from './events';
import { readParquet, type StoredTrace } from './parquet-file';
import { replayBlocks, replayWal, type ReplayedWal } from './replay';
import type { TempoSettings } from './settings';
import { WalHead } from './wal-head';

interface LiveTrace extends StoredTrace {
  readonly since: number;
}

interface LocalBlock {
  readonly id: string;
  readonly tenant: string;
  readonly folder: string;
  flushedAt: number | undefined;
}

/** A WAL block that takes no more pages, on its way to a completed block. */
type Completing = {
  readonly id: string;
  readonly tenant: string;
  readonly read: () => Promise<StoredTrace[]>;
  readonly remove: () => void;
};

const FLUSH_RETRY_MS = 30_000;
// Not at once, so that nobody takes the 204 of `/flush` for its end.
const COMPLETION_PAUSES_MS = [500, 30_000, 60_000];

/** Traces from their arrival to the backend: in memory, in the WAL's head, in a completed local block, flushed. */
export class Ingester {
  private live = new Map<string, LiveTrace[]>();
  private readonly heads = new Map<string, WalHead>();
  private readonly completing = new Map<string, Completing>();
  private readonly blocks = new Map<string, LocalBlock>();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly settings: TempoSettings,
    private readonly events: Events,
  ) {}

  start(): void {
    const { walPath } = this.settings;
    mkdirSync(join(walPath, 'blocks'), { recursive: true, mode: 0o700 });
    const flushed = replayBlocks(join(walPath, 'blocks'), this.events);
    const wal = replayWal(walPath, this.events);
    for (const { isFlushed, ...block } of flushed) {
      const local = { ...block, flushedAt: isFlushed ? Date.now() : undefined };
      this.blocks.set(local.id, local);
      if (!isFlushed) this.background(this.flushBlock(local));
    }
    for (const block of wal) this.complete(replayed(block));
    this.timer = setInterval(() => this.tick(), this.settings.checkMs);
  }

  /** SIGTERM: what is in memory goes to the WAL, and no further. */
  stop(): void {
    clearInterval(this.timer);
    this.cutTraces(0);
    this.isStopped = true;
  }

  push(tenant: string, traces: readonly StoredTrace[]): void {
    const since = Date.now();
    const live = this.live.get(tenant) ?? [];
    for (const trace of traces) {
      this.events.count('traces_created_total');
      live.push({ ...trace, since });
    }
    this.live.set(tenant, live);
  }

  /** `/flush`: cuts now; completes and flushes later. */
  flush(): void {
    this.cutTraces(0);
    for (const tenant of [...this.heads.keys()]) this.cutHead(tenant);
  }

  async find(tenant: string, traceId: string): Promise<StoredTrace | undefined> {
    const isIt = (trace: StoredTrace): boolean => trace.traceId === traceId;
    const inMemory = [...(this.live.get(tenant) ?? []), ...(this.heads.get(tenant)?.traces ?? [])].find(isIt);
    if (inMemory) return inMemory;
    const readers = [...this.completing.values()].filter((each) => each.tenant === tenant).map(({ read }) => read);
    const local = [...this.blocks.values()].filter((each) => each.tenant === tenant);
    for (const read of [
      ...readers,
      ...local.map(
        ({ folder }) =>
          () =>
            readParquet(join(folder, 'data.parquet')),
      ),
    ]) {
      const found = (await read()).find(isIt);
      if (found) return found;
    }
    return undefined;
  }

  liveTraces(): Map<string, number> {
    return new Map([...this.live].map(([tenant, traces]) => [tenant, traces.length]));
  }

  private tick(): void {
    const { idleMs, maxBlockMs, completeBlockMs } = this.settings;
    this.cutTraces(idleMs);
    for (const [tenant, head] of this.heads) if (Date.now() - head.since > maxBlockMs) this.cutHead(tenant);
    for (const { id, folder, flushedAt } of [...this.blocks.values()]) {
      if (flushedAt === undefined || Date.now() - flushedAt < completeBlockMs) continue;
      rmSync(folder, { recursive: true });
      this.blocks.delete(id);
      this.events.count('blocks_cleared_total');
    }
  }

  private cutTraces(idleMs: number): void {
    for (const [tenant, traces] of this.live) {
      const due = traces.filter(({ since }) => Date.now() - since >= idleMs);
      if (due.length === 0) continue;
      this.live.set(
        tenant,
        traces.filter((trace) => !due.includes(trace)),
      );
      this.headOf(tenant).cut(due);
    }
  }

  private headOf(tenant: string): WalHead {
    const head = this.heads.get(tenant) ?? new WalHead(this.settings.walPath, tenant, randomUUID());
    this.heads.set(tenant, head);
    return head;
  }

  private cutHead(tenant: string): void {
    const head = this.heads.get(tenant);
    this.heads.delete(tenant);
    if (!head) return;
    if (head.traces.length === 0) return head.remove();
    this.events.log('info', 'head block cut. enqueueing flush op', { tenant, block: head.id });
    this.complete({ id: head.id, tenant, read: async () => head.traces, remove: () => head.remove() });
    // As Tempo does: the next head is there at once, empty.
    this.headOf(tenant);
  }

  private complete(wal: Completing): void {
    this.completing.set(wal.id, wal);
    this.background(this.completeAndFlush(wal));
  }

  private async completeAndFlush(wal: Completing): Promise<void> {
    const folder = join(this.settings.walPath, 'blocks', wal.tenant, wal.id);
    for (const pause of COMPLETION_PAUSES_MS) {
      await sleep(pause, undefined, { ref: false });
      if (this.isStopped) return;
      try {
        writeBlock(folder, wal.tenant, { id: wal.id, traces: merged(await wal.read()) });
        wal.remove();
        this.completing.delete(wal.id);
        const block: LocalBlock = { id: wal.id, tenant: wal.tenant, folder, flushedAt: undefined };
        this.blocks.set(wal.id, block);
        return await this.flushBlock(block);
      } catch (error) {
        this.events.log('error', 'error completing block', { block: wal.id, err: String(error) });
      }
    }
    this.events.log('error', 'Block exceeded max completion errors. Deleting. POSSIBLE DATA LOSS', { block: wal.id });
    this.completing.delete(wal.id);
    wal.remove();
  }

  /** Over a block of the same ID, should the backend have one. */
  private async flushBlock(block: LocalBlock): Promise<void> {
    while (!this.isStopped) {
      try {
        readMeta(block.folder);
        await copyBlock(block.folder, join(this.settings.tracesPath, block.tenant, block.id));
        writeFileSync(join(block.folder, 'flushed'), new Date().toISOString());
        block.flushedAt = Date.now();
        return this.events.count('blocks_flushed_total');
      } catch (error) {
        this.events.count('failed_flushes_total');
        this.events.log('error', 'error performing op in flushQueue', { block: block.id, err: String(error) });
      }
      await sleep(FLUSH_RETRY_MS, undefined, { ref: false });
    }
  }

  private background(work: Promise<void>): void {
    work.catch((error: unknown) => this.events.log('error', String(error)));
  }
}

function replayed({ id, tenant, folder, pages }: ReplayedWal): Completing {
  return {
    id,
    tenant,
    read: async () => (await Promise.all(pages.map((page) => readParquet(join(folder, page))))).flat(),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** One row a trace, in the order of their IDs. */
function merged(traces: readonly StoredTrace[]): StoredTrace[] {
  const byId = new Map<string, StoredTrace>();
  for (const trace of traces) {
    const before = byId.get(trace.traceId);
    byId.set(trace.traceId, before ? { ...trace, spans: concatenated(before.spans, trace.spans) } : trace);
  }
  return [...byId.values()].sort((a, b) => (a.traceId < b.traceId ? -1 : 1));
}

function concatenated(first: string, second: string): string {
  const lists = [first, second].map((text) => (text === '' ? [] : (JSON.parse(text) as unknown[])));
  return JSON.stringify(lists.flat());
}
