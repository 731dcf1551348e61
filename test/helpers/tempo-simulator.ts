import {
  closeSync,
  existsSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Random } from './random';
import { blockFiles, fakeParquet, pageName, walMeta } from './tempo-tree';

/** One thing that Tempo does, interrupted after each operation on a file. */
type Work = Generator<void, void, undefined>;

interface Block {
  readonly id: string;
  readonly tenant: string;
  readonly level: number;
  traceIds: readonly string[];
  /** Where the backend has it; `gone` while it is being made, and after it was deleted. */
  backend: 'gone' | 'live' | 'compacted';
  local: 'gone' | 'unflushed' | 'flushed';
  /** Something is at work on it. */
  busy: boolean;
  /** The step after which its folder may be deleted: Tempo keeps it for `compacted_block_retention`. */
  deletable: number;
}

interface Wal {
  readonly id: string;
  readonly folder: string;
  traceIds: string[];
  pages: number;
}

const MOST_AT_ONCE = 6;
/** Steps that stand for `compacted_block_retention`: much longer than a scan takes. */
const RETENTION_STEPS = 250;
const FIRST_TIME = Date.parse('2026-01-01T00:00:00Z');

/**
 * Does to a folder what a Tempo does, one file operation a step: cuts traces to the WAL, completes WAL blocks, flushes them, compacts, deletes
 * what was compacted, expires, and writes blocks again in place. Everything follows from the seed. Each write gets a time of its own, as on a
 * disk that keeps time finely.
 *
 * @see the project's notes on Tempo: write order and mutability, WAL
 */
export class TempoSimulator {
  readonly tracesPath: string;
  readonly walPath: string;
  /** Trace IDs that are in a closed page or a block, and not deleted by retention. */
  readonly durable = new Set<string>();
  private readonly random: Random;
  private readonly heads = new Map<string, Wal>();
  private readonly cutting = new Set<string>();
  private readonly blocks: Block[] = [];
  private readonly working: Work[] = [];
  private steps = 0;
  private versions = 0;

  constructor(
    root: string,
    seed: number,
    private readonly options: { readonly shape: '2.9' | '3.0'; readonly tenants: readonly string[] },
  ) {
    this.random = new Random(seed);
    this.tracesPath = join(root, 'traces');
    this.walPath = join(root, options.shape === '2.9' ? 'wal' : 'live-store/traces');
    mkdirSync(this.tracesPath, { recursive: true });
    mkdirSync(join(this.walPath, 'blocks'), { recursive: true });
  }

  /** By the clock that stamps the files: a second after the last write. */
  get now(): number {
    return timeOf(this.versions) + 1000;
  }

  /** One file operation, or the decision to begin something; `mayBegin` false: it only ends what it has begun. */
  step(mayBegin = true): void {
    this.steps++;
    if (mayBegin && this.working.length < MOST_AT_ONCE && (this.working.length === 0 || this.random.chance(0.2)))
      this.begin();
    const index = this.random.below(Math.max(1, this.working.length));
    if (this.working[index]?.next().done) this.working.splice(index, 1);
  }

  run(steps: number, mayBegin = true): void {
    for (let i = 0; i < steps; i++) this.step(mayBegin);
  }

  /** What `POST /flush` does in 2.x: cuts every head before it answers; later steps complete and flush what was cut. */
  flushHeads(): void {
    for (const tenant of this.options.tenants) {
      while (this.cutting.has(tenant)) this.step(false);
      const work = this.complete(tenant);
      if (work) this.working.push(work);
    }
  }

  private begin(): void {
    const tenant = this.random.pick(this.options.tenants);
    const kind = this.random.below(100);
    const work =
      kind < 35
        ? this.cut(tenant)
        : kind < 55
          ? this.complete(tenant)
          : kind < 80
            ? this.compact(tenant)
            : this.tidy(tenant, kind);
    if (work) this.working.push(work);
  }

  private tidy(tenant: string, kind: number): Work | undefined {
    if (kind < 88) return this.deleteCompacted(tenant);
    if (kind < 93) return this.deleteLocal(tenant);
    if (kind < 95) return this.expire(tenant);
    if (kind < 98) return this.reflush(tenant);
    return this.writeTenantIndex(tenant);
  }

  private cut(tenant: string): Work | undefined {
    if (this.cutting.has(tenant)) return undefined;
    this.cutting.add(tenant);
    return this.cutToPage(tenant);
  }

  private *cutToPage(tenant: string): Work {
    let head = this.heads.get(tenant);
    if (!head) {
      head = yield* this.newHead(tenant);
      this.heads.set(tenant, head);
    }
    const traceIds = Array.from({ length: 1 + this.random.below(3) }, () => this.random.bytes(16).toString('hex'));
    yield* this.overwrite(join(head.folder, 'meta.json'), walMeta(tenant, head.id, head.traceIds.length));
    const page = join(head.folder, pageName(head.pages));
    yield* this.overwrite(page, fakeParquet(traceIds, this.newVersion()));
    head.traceIds.push(...traceIds);
    for (const traceId of traceIds) this.durable.add(traceId);
    head.pages++;
    this.write(join(head.folder, pageName(head.pages)), Buffer.alloc(0));
    yield;
    this.cutting.delete(tenant);
  }

  private *newHead(tenant: string): Generator<void, Wal, undefined> {
    const id = this.random.uuid();
    const folder = join(this.walPath, `${id}+${tenant}+vParquet4`);
    mkdirSync(folder);
    yield;
    this.write(join(folder, pageName(1)), Buffer.alloc(0));
    yield;
    return { id, folder, traceIds: [], pages: 1 };
  }

  private complete(tenant: string): Work | undefined {
    const head = this.heads.get(tenant);
    if (!head || head.pages < 2 || this.cutting.has(tenant)) return undefined;
    this.heads.delete(tenant);
    return this.completeAndFlush(tenant, head);
  }

  private *completeAndFlush(tenant: string, wal: Wal): Work {
    const block = this.newBlock(tenant, wal.traceIds, { id: wal.id, level: 0 });
    yield* this.writeBlock(this.localFolder(block), block);
    block.local = 'unflushed';
    if (this.options.shape === '3.0') {
      renameSync(join(wal.folder, 'meta.json'), join(wal.folder, 'meta.deleted.json'));
      yield;
    }
    yield* this.removeFolder(wal.folder);
    yield* this.flush(block);
    block.busy = false;
  }

  private *flush(block: Block): Work {
    yield* this.writeBlock(this.backendFolder(block), block);
    block.backend = 'live';
    yield* this.overwrite(join(this.localFolder(block), 'flushed'), Buffer.from('2026-01-01T00:00:00Z'));
    block.local = 'flushed';
  }

  private compact(tenant: string): Work | undefined {
    const live = this.idle(tenant, ({ backend }) => backend === 'live');
    if (live.length < 2) return undefined;
    const inputs = this.random.sample(live, 2 + this.random.below(3));
    inputs.forEach((input) => (input.busy = true));
    return this.compactInputs(tenant, inputs);
  }

  private *compactInputs(tenant: string, inputs: readonly Block[]): Work {
    const level = Math.max(...inputs.map((input) => input.level)) + 1;
    const traceIds = [...new Set(inputs.flatMap((input) => input.traceIds))];
    const output = this.newBlock(tenant, traceIds, { id: this.random.uuid(), level });
    // Killed meanwhile: the output stays without a meta.json, the inputs stay live.
    const steps = this.random.chance(0.1) ? this.random.below(6) : Infinity;
    const isDone = yield* this.upTo(steps, this.writeBlock(this.backendFolder(output), output));
    if (isDone) {
      output.backend = 'live';
      output.busy = false;
      for (const input of inputs) yield* this.demote(input);
    }
    inputs.forEach((input) => (input.busy = false));
  }

  private *demote(block: Block): Work {
    const folder = this.backendFolder(block);
    renameSync(join(folder, 'meta.json'), join(folder, 'meta.compacted.json'));
    block.backend = 'compacted';
    block.deletable = this.steps + RETENTION_STEPS;
    yield;
  }

  private deleteCompacted(tenant: string): Work | undefined {
    const due = this.idle(tenant, ({ backend, deletable }) => backend === 'compacted' && deletable < this.steps);
    if (due.length === 0) return undefined;
    const block = this.random.pick(due);
    block.backend = 'gone';
    return this.removeFolder(this.backendFolder(block));
  }

  private deleteLocal(tenant: string): Work | undefined {
    const due = this.idle(tenant, ({ local }) => local === 'flushed');
    if (due.length === 0) return undefined;
    const block = this.random.pick(due);
    block.local = 'gone';
    return this.removeFolder(this.localFolder(block));
  }

  /** Retention of blocks: no other one has what is in it, and nothing is kept. */
  private expire(tenant: string): Work | undefined {
    const live = this.idle(tenant, ({ backend }) => backend === 'live');
    if (live.length === 0) return undefined;
    const block = this.random.pick(live);
    for (const traceId of block.traceIds) this.durable.delete(traceId);
    return this.locked(block, this.demote(block));
  }

  /** After a crash and a replay: the local block is flushed again, over the block that is there, with other bytes. */
  private reflush(tenant: string): Work | undefined {
    const candidates = this.idle(tenant, ({ backend, local }) => backend === 'live' && local === 'flushed');
    if (candidates.length === 0) return undefined;
    const block = this.random.pick(candidates);
    return this.locked(block, this.flushAgain(block));
  }

  private *flushAgain(block: Block): Work {
    unlinkSync(join(this.localFolder(block), 'flushed'));
    block.local = 'unflushed';
    yield;
    yield* this.flush(block);
  }

  private *writeTenantIndex(tenant: string): Work {
    const folder = join(this.tracesPath, tenant);
    if (!existsSync(folder)) return;
    for (const name of ['index.json.gz', 'index.pb.zst'])
      yield* this.overwrite(join(folder, name), this.random.bytes(20));
  }

  private newBlock(tenant: string, traceIds: readonly string[], as: { id: string; level: number }): Block {
    const block: Block = { ...as, tenant, traceIds, backend: 'gone', local: 'gone', busy: true, deletable: 0 };
    this.blocks.push(block);
    return block;
  }

  private idle(tenant: string, matches: (block: Block) => boolean): Block[] {
    return this.blocks.filter((block) => block.tenant === tenant && !block.busy && matches(block));
  }

  private locked(block: Block, work: Work): Work {
    block.busy = true;
    return this.unlockAfter(block, work);
  }

  private *unlockAfter(block: Block, work: Work): Work {
    yield* work;
    block.busy = false;
  }

  /** False when it was given up before its end. */
  private *upTo(steps: number, work: Work): Generator<void, boolean, undefined> {
    for (let step = 0; step < steps; step++) {
      if (work.next().done) return true;
      yield;
    }
    return false;
  }

  /** The data, bloom and index, then the meta.json; in place when they are there already. */
  private *writeBlock(folder: string, block: Block): Work {
    const { tenant, id, traceIds, level } = block;
    const { files } = blockFiles(tenant, { id, traceIds, level, version: this.newVersion() });
    mkdirSync(folder, { recursive: true });
    yield;
    for (const [name, bytes] of files) yield* this.overwrite(join(folder, name), bytes);
  }

  /** Truncated, half written, whole: three states that a reader may see. */
  private *overwrite(path: string, bytes: Buffer): Work {
    this.write(path, Buffer.alloc(0));
    yield;
    this.write(path, bytes.subarray(0, Math.floor(bytes.length / 2)));
    yield;
    this.write(path, bytes);
    yield;
  }

  private write(path: string, bytes: Buffer): void {
    const fd = openSync(path, 'w');
    if (bytes.length > 0) writeSync(fd, bytes);
    const time = timeOf(this.versions++) / 1000;
    futimesSync(fd, time, time);
    closeSync(fd);
  }

  private *removeFolder(folder: string): Work {
    for (const name of this.random.sample(readdirSync(folder), 100)) {
      unlinkSync(join(folder, name));
      yield;
    }
    rmdirSync(folder);
    yield;
  }

  private newVersion(): string {
    return `v${this.versions++}`;
  }

  private backendFolder({ tenant, id }: Block): string {
    return join(this.tracesPath, tenant, id);
  }

  private localFolder({ tenant, id }: Block): string {
    return join(this.walPath, 'blocks', tenant, id);
  }
}

function timeOf(version: number): number {
  return FIRST_TIME + version * 10;
}
