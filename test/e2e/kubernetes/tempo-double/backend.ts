import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BlockMeta, COMPACTED, FORMATS, META, names, readMeta } from './block-folder';
import type { Events } from './events';
import { readParquet, type StoredTrace } from './parquet-file';
import type { TempoSettings } from './settings';

interface Blocklist {
  readonly live: readonly BlockMeta[];
  readonly compacted: readonly BlockMeta[];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The blocks that are flushed: polled, served, expired by retention. */
export class Backend {
  private blocklists = new Map<string, Blocklist>();
  private readonly metas = new Map<string, BlockMeta>();
  /** Trace IDs of each data.parquet that was opened, by its path and time. */
  private readonly opened = new Map<string, ReadonlySet<string>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: TempoSettings,
    private readonly events: Events,
  ) {}

  start(): void {
    mkdirSync(this.settings.tracesPath, { recursive: true, mode: 0o700 });
    this.poll();
    this.timer = setInterval(() => this.poll(), this.settings.pollMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Throws, as Tempo answers 500, when one of the tenant's blocks lacks its bloom filter or can't be opened. */
  async find(tenant: string, traceId: string): Promise<StoredTrace | undefined> {
    for (const meta of this.blocklists.get(tenant)?.live ?? []) {
      const folder = join(this.settings.tracesPath, tenant, meta.blockID);
      if (!(await this.open(folder, meta)).has(traceId)) continue;
      return (await readParquet(join(folder, 'data.parquet'))).find((trace) => trace.traceId === traceId);
    }
    return undefined;
  }

  metrics(): string[] {
    return [...this.blocklists].flatMap(([tenant, { live, compacted }]) => [
      `tempodb_blocklist_length{tenant="${tenant}"} ${live.length}`,
      ...Object.entries({ live, compacted }).flatMap(([status, metas]) => {
        const labels = `{status="${status}",tenant="${tenant}"}`;
        const sum = (of: 'size' | 'totalObjects'): number => metas.reduce((total, meta) => total + meta[of], 0);
        return [
          `tempodb_backend_objects_total${labels} ${sum('totalObjects')}`,
          `tempodb_backend_bytes_total${labels} ${sum('size')}`,
        ];
      }),
    ]);
  }

  /** Each tenant by itself: one that can't be polled keeps the list that it had. */
  private poll(): void {
    for (const tenant of names(this.settings.tracesPath)) {
      if (!statSync(join(this.settings.tracesPath, tenant)).isDirectory()) continue;
      try {
        const blocklist = this.read(tenant);
        this.blocklists.set(tenant, blocklist);
        this.expire(tenant, blocklist);
        writeFileSync(join(this.settings.tracesPath, tenant, 'index.json.gz'), gzipSync(JSON.stringify(blocklist)));
      } catch (error) {
        this.events.log('error', 'failed to poll or create index for tenant', { tenant, err: String(error) });
      }
    }
  }

  private read(tenant: string): Blocklist {
    const root = join(this.settings.tracesPath, tenant);
    const folders = names(root).filter((name) => !name.startsWith('index.'));
    const stray = folders.find((name) => !UUID.test(name));
    if (stray !== undefined) throw new Error(`invalid UUID length: ${stray}`);
    const live: BlockMeta[] = [];
    const compacted: BlockMeta[] = [];
    for (const id of folders) {
      const files = names(join(root, id));
      if (files.includes(COMPACTED)) compacted.push(readMeta(join(root, id), COMPACTED));
      else if (files.includes(META) && !files.includes('nocompact.flg')) live.push(this.meta(join(root, id), id));
    }
    return { live, compacted };
  }

  /** Read once: a meta.json that changes in place is not seen again. */
  private meta(folder: string, id: string): BlockMeta {
    const meta = this.metas.get(id) ?? readMeta(folder);
    this.metas.set(id, meta);
    return meta;
  }

  private async open(folder: string, meta: BlockMeta): Promise<ReadonlySet<string>> {
    if (!FORMATS.includes(meta.format)) throw new Error(`${meta.format} is not a valid block version`);
    for (let shard = 0; shard < meta.bloomShards; shard++) statSync(join(folder, `bloom-${shard}`));
    const data = join(folder, 'data.parquet');
    const { mtimeMs, size } = statSync(data);
    if (size !== meta.size) throw new Error(`${data}: ${size} bytes, ${meta.size} expected`);
    const key = `${data} ${mtimeMs}`;
    const traceIds = this.opened.get(key) ?? new Set((await readParquet(data)).map(({ traceId }) => traceId));
    this.opened.set(key, traceIds);
    return traceIds;
  }

  /** What is past retention is marked compacted; what was marked long enough ago, by the file's time, is deleted. */
  private expire(tenant: string, { live, compacted }: Blocklist): void {
    const { retentionMs, compactedRetentionMs } = this.settings;
    const folder = (meta: BlockMeta): string => join(this.settings.tracesPath, tenant, meta.blockID);
    for (const meta of compacted) {
      const marked = statSync(join(folder(meta), COMPACTED)).mtimeMs;
      if (marked < Date.now() - compactedRetentionMs) rmSync(folder(meta), { recursive: true });
    }
    for (const meta of live) {
      if (Date.parse(meta.endTime) >= Date.now() - retentionMs) continue;
      renameSync(join(folder(meta), META), join(folder(meta), COMPACTED));
      this.events.log('info', 'marking block for deletion', { tenant, block: meta.blockID });
    }
  }
}
