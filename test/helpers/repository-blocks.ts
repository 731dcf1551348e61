import { type Manifest } from '../../lib/contract/manifest';
import { type VerifyLevel } from '../../lib/contract/results';
import { fetchObject } from '../../runtime/repository/fetch';
import { filesOf } from '../../runtime/repository/layout-guard';
import {
  type BlockToStore,
  PointBuilder,
  type PointDetails,
  type PointStats,
  type WalBlockToStore,
} from '../../runtime/repository/point-builder';
import { Repository } from '../../runtime/repository/repository';
import { type VerifyOutcome, verifyPoints } from '../../runtime/repository/verify';
import { type Storage } from '../../runtime/storage/storage';
import { sourceOf } from './buffer-source';
import { Random } from './random';

export const HOUR = 60 * 60 * 1000;
export const DAY = 24 * HOUR;
export const GRACE = DAY;
export const SOURCE: Manifest['source'] = { name: 'tempo', tracesPath: 'traces', walPath: 'wal', tempoVersion: '2.9' };

/** Time that only passes when told. */
export class FakeClock {
  constructor(private time = Date.parse('2026-11-23T08:00:00Z')) {}

  readonly now = (): Date => new Date(this.time);

  pass(milliseconds: number): void {
    this.time += milliseconds;
  }
}

export interface FakeBlock {
  readonly tenant: string;
  readonly id: string;
  seen: string;
  readonly start: string;
  readonly end: string;
  readonly objects: number;
  readonly level: number;
  readonly files: Map<string, Buffer>;
  meta: Buffer;
}

/** A Tempo in memory, as far as a repository meets one. */
export class FakeTempo {
  readonly blocks = new Map<string, FakeBlock>();
  readonly compacted = new Set<string>();
  readonly wal = new Map<string, WalBlockToStore>();
  private readonly random: Random;
  private changes = 0;

  constructor(
    seed: number,
    private readonly clock: FakeClock,
  ) {
    this.random = new Random(seed);
  }

  /** Four files: data.parquet, a bloom, an index and meta.json. */
  addBlock(
    tenant = 'team-a',
    options: Partial<Pick<FakeBlock, 'start' | 'end' | 'objects' | 'level'>> = {},
  ): FakeBlock {
    const now = this.clock.now().toISOString();
    const { start = now, end = now, objects = 10, level = 0 } = options;
    const id = this.random.uuid();
    const files = new Map(['data.parquet', 'bloom-0', 'index'].map((name) => [name, this.random.bytes(40)]));
    const block: FakeBlock = { tenant, id, seen: '', start, end, objects, level, files, meta: Buffer.alloc(0) };
    this.touch(block);
    this.blocks.set(`${tenant}/${id}`, block);
    return block;
  }

  /** Tempo writes a block again under its ID, with other bytes. */
  rewrite(block: FakeBlock): void {
    block.files.set('data.parquet', this.random.bytes(41));
    this.touch(block);
  }

  /** Replaces blocks by one of a higher level. */
  compact(inputs: readonly FakeBlock[]): FakeBlock {
    const [first] = inputs;
    const output = this.addBlock(first?.tenant, {
      start: inputs.map(({ start }) => start).sort()[0],
      end: inputs
        .map(({ end }) => end)
        .sort()
        .at(-1),
      objects: inputs.reduce((sum, { objects }) => sum + objects, 0),
      level: Math.max(...inputs.map(({ level }) => level)) + 1,
    });
    for (const input of inputs) this.remove(input);
    return output;
  }

  remove(block: FakeBlock): void {
    this.blocks.delete(`${block.tenant}/${block.id}`);
  }

  addWal(tenant = 'team-a', pages = 2): WalBlockToStore {
    const files = Array.from({ length: pages }, (_, index) => this.page(index + 1));
    const block = { tenant, id: this.random.uuid(), encoding: 'vParquet4', meta: '{}', pages: files };
    this.wal.set(`${block.id}+${tenant}+vParquet4`, block);
    return block;
  }

  page(number: number): WalBlockToStore['pages'][number] {
    return { name: String(number).padStart(10, '0'), source: sourceOf(this.random.bytes(30)) };
  }

  liveOf(tenant: string): Map<string, string> {
    const blocks = [...this.blocks.values()].filter((block) => block.tenant === tenant);
    return new Map(blocks.map(({ id, seen }) => [id, seen]));
  }

  tenants(): string[] {
    return [...new Set([...this.blocks.values()].map(({ tenant }) => tenant))];
  }

  private touch(block: FakeBlock): void {
    this.changes++;
    block.meta = Buffer.from(JSON.stringify({ id: block.id, changes: this.changes }));
    block.seen = `${this.changes}-${block.meta.length}-0`;
  }
}

export function toStore({ tenant, id, seen, files, ...block }: FakeBlock): BlockToStore {
  return {
    tenant,
    id,
    seen,
    meta: {
      format: 'vParquet4',
      startTime: block.start,
      endTime: block.end,
      totalObjects: block.objects,
      compactionLevel: block.level,
      replicationFactor: 1,
    },
    metaSource: sourceOf(block.meta),
    files: [...files].map(([name, bytes]) => ({ name, source: sourceOf(bytes) })),
    confirm: () => Promise.resolve(),
  };
}

export type BackupOptions = Partial<Omit<PointDetails, 'cut'> & Pick<PointDetails['cut'], 'damaged'>> & {
  readonly allow?: readonly string[];
  readonly grace?: number;
  readonly source?: Manifest['source'];
  readonly config?: Readonly<Record<string, string>>;
};

export interface Backup {
  readonly manifest: Manifest;
  readonly stats: PointStats;
}

/** Everything that a backup does with a repository; opening it is up to the caller. */
export async function backUp(repository: Repository, tempo: FakeTempo, options: BackupOptions = {}): Promise<Backup> {
  const builder = await beginBackup(repository, options);
  const cut = await storeAll(builder, tempo, options);
  return builder.commit(detailsOf({ ...cut, damaged: options.damaged ?? [], cutAt: repository.now() }, options));
}

export function beginBackup(repository: Repository, options: BackupOptions = {}): Promise<PointBuilder> {
  const { grace = GRACE, source = SOURCE, allow = [] } = options;
  return PointBuilder.begin(repository, { source, grace, allow: new Set(allow) });
}

export async function storeAll(
  builder: PointBuilder,
  tempo: FakeTempo,
  options: BackupOptions = {},
): Promise<Pick<PointDetails['cut'], 'tenants' | 'wal'>> {
  const damaged = new Set(options.damaged?.map(({ block }) => block));
  const wal = new Map(tempo.wal);
  for (const block of wal.values()) await builder.storeWalBlock(block);
  const tenants = new Map<string, PointDetails['cut']['tenants'] extends ReadonlyMap<string, infer T> ? T : never>();
  for (const tenant of tempo.tenants()) {
    const live = new Map([...tempo.liveOf(tenant)].filter(([id]) => !damaged.has(id)));
    const known = await builder.known(tenant, live);
    const missing = [...live.keys()].filter((id) => !known.has(id));
    const blocks = missing.flatMap((id) => tempo.blocks.get(`${tenant}/${id}`) ?? []);
    await Promise.all(blocks.map((block) => builder.storeBlock(toStore(block))));
    tenants.set(tenant, { live, compacted: tempo.compacted });
  }
  for (const [name, text] of Object.entries(options.config ?? {})) {
    await builder.config.store({ name, kind: 'yaml', bytes: Buffer.from(text) });
  }
  return { tenants, wal: new Set(wal.keys()) };
}

export function detailsOf(cut: PointDetails['cut'], options: BackupOptions = {}): PointDetails {
  const { scope = 'all', rule = null, deleteAfter = null, pin = null, runner = '0.1.0' } = options;
  return { cut, scope, rule, deleteAfter, pin, runner, retention: options.retention ?? (() => undefined) };
}

export function openRepository(storage: Storage, clock: FakeClock, random = new Random(1)): Promise<Repository> {
  return Repository.open(storage, { create: true, now: clock.now, random: () => random.next() });
}

/** Reads every byte that the point names and compares it with what the manifest says. */
export async function readWholePoint(repository: Repository, id: string): Promise<Map<string, string>> {
  const manifest = await repository.manifest(id);
  const contents = new Map<string, string>();
  const fetch = async (key: string, reference: { key: string; size: number; sha256: string }): Promise<void> => {
    const bytes = Buffer.alloc(reference.size);
    await fetchObject(repository.storage, reference, async (offset, part) => void part.copy(bytes, offset));
    contents.set(key, bytes.toString('hex'));
  };
  for (const summary of manifest.tenants) {
    for (const block of (await repository.index(summary)).blocks) {
      for (const file of filesOf(summary.tenant, block)) {
        await fetch(`${summary.tenant}/${block.id}/${file.key.slice(file.key.lastIndexOf('/') + 1)}`, file);
      }
    }
  }
  for (const block of manifest.wal) for (const page of block.pages) await fetch(`wal/${block.id}/${page.name}`, page);
  for (const file of manifest.config) await fetch(`config/${file.name}`, file);
  return contents;
}

/** What `readWholePoint` must find of a point made now. */
export function contentsOf(tempo: FakeTempo): Map<string, string> {
  const contents = new Map<string, string>();
  for (const { tenant, id, files, meta } of tempo.blocks.values()) {
    for (const [name, bytes] of [...files, ['meta.json', meta] as const])
      contents.set(`${tenant}/${id}/${name}`, bytes.toString('hex'));
  }
  return contents;
}

export async function verifyAll(repository: Repository, level: VerifyLevel = 'full'): Promise<VerifyOutcome> {
  const { points } = await repository.listPoints();
  return verifyPoints(repository, { points: points.map(({ id }) => id), level });
}
