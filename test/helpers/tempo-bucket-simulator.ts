import { createHash } from 'node:crypto';
import type { Bucket, BucketObject } from '../../runtime/storage/bucket';
import type { ByteSource } from '../../runtime/storage/storage';
import { Random } from './random';
import { blockFiles } from './tempo-tree';

/** One thing that Tempo does, interrupted after each request to the bucket. */
type Work = Generator<void, void, undefined>;

interface SimulatedBlock {
  readonly id: string;
  readonly tenant: string;
  readonly level: number;
  readonly traceIds: readonly string[];
  state: 'gone' | 'live' | 'compacted';
  busy: boolean;
  /** The step after which it may be deleted. */
  deletable: number;
}

interface StoredObject {
  readonly bytes: Buffer;
  readonly modifiedAt: Date;
  readonly etag: string;
}

const MOST_AT_ONCE = 6;
/** Steps that stand for `compacted_block_retention`: much longer than a scan takes. */
const RETENTION_STEPS = 250;
const FIRST_TIME = Date.parse('2026-01-01T00:00:00Z');

/**
 * Does to a bucket what a Tempo does, one request a step: flushes blocks, compacts them, marks by copying meta.json and then deleting it,
 * deletes in the order of names, expires, flushes again, and leaves what a kill leaves. Everything follows from the seed.
 *
 * @see the project's notes on Tempo: S3 backend
 */
export class TempoBucketSimulator {
  readonly objects = new Map<string, StoredObject>();
  /** Trace IDs that are in a block with a meta.json, and not deleted by retention. */
  readonly durable = new Set<string>();
  private readonly random: Random;
  private readonly blocks: SimulatedBlock[] = [];
  private readonly working: Work[] = [];
  private steps = 0;
  private versions = 0;

  constructor(
    seed: number,
    private readonly tenants: readonly string[],
  ) {
    this.random = new Random(seed);
  }

  /** By the clock that stamps the objects: a second after the last write. */
  get now(): number {
    return FIRST_TIME + this.versions * 10 + 1000;
  }

  run(steps: number, mayBegin = true): void {
    for (let i = 0; i < steps; i++) this.step(mayBegin);
  }

  /** Ends what it does, and deletes what it has no more use for. */
  settle(): void {
    while (this.working.length > 0) this.step(false);
    for (const block of this.blocks) {
      if (block.state === 'live') continue;
      block.state = 'gone';
      for (const key of [...this.objects.keys()]) if (key.startsWith(keyOf(block, ''))) this.objects.delete(key);
    }
  }

  private step(mayBegin: boolean): void {
    this.steps++;
    if (mayBegin && this.working.length < MOST_AT_ONCE && (this.working.length === 0 || this.random.chance(0.2)))
      this.begin();
    const index = this.random.below(Math.max(1, this.working.length));
    if (this.working[index]?.next().done) this.working.splice(index, 1);
  }

  private begin(): void {
    const tenant = this.random.pick(this.tenants);
    const kind = this.random.below(100);
    const work =
      kind < 35
        ? this.flush(tenant)
        : kind < 70
          ? this.compact(tenant)
          : kind < 85
            ? this.clear(tenant)
            : kind < 90
              ? this.expire(tenant)
              : kind < 96
                ? this.flushAgain(tenant)
                : this.writeOthers(tenant);
    if (work) this.working.push(work);
  }

  private *flush(tenant: string): Work {
    const traceIds = Array.from({ length: 1 + this.random.below(3) }, () => this.random.bytes(16).toString('hex'));
    const block = this.newBlock(tenant, traceIds, 0);
    // A flush that is killed leaves files without a meta.json; what was in it is flushed again under another ID.
    const isDone = yield* this.upTo(this.random.chance(0.1) ? this.random.below(3) : Infinity, this.writeBlock(block));
    if (!isDone) return;
    for (const traceId of traceIds) this.durable.add(traceId);
    block.state = 'live';
    block.busy = false;
  }

  private compact(tenant: string): Work | undefined {
    const live = this.idle(tenant, 'live');
    if (live.length < 2) return undefined;
    const inputs = this.random.sample(live, 2 + this.random.below(3));
    inputs.forEach((input) => (input.busy = true));
    return this.compactInputs(tenant, inputs);
  }

  private *compactInputs(tenant: string, inputs: readonly SimulatedBlock[]): Work {
    const level = Math.max(...inputs.map((input) => input.level)) + 1;
    const output = this.newBlock(tenant, [...new Set(inputs.flatMap((input) => input.traceIds))], level);
    const isDone = yield* this.upTo(this.random.chance(0.1) ? this.random.below(3) : Infinity, this.writeBlock(output));
    if (isDone) {
      output.state = 'live';
      output.busy = false;
      for (const input of inputs) yield* this.demote(input);
    }
    inputs.forEach((input) => (input.busy = false));
  }

  /** Copies, then deletes: for a while both are there. */
  private *demote(block: SimulatedBlock): Work {
    const meta = this.objects.get(keyOf(block, 'meta.json'));
    this.put(keyOf(block, 'meta.compacted.json'), meta?.bytes ?? Buffer.alloc(0));
    yield;
    this.objects.delete(keyOf(block, 'meta.json'));
    block.state = 'compacted';
    block.deletable = this.steps + RETENTION_STEPS;
    yield;
  }

  private clear(tenant: string): Work | undefined {
    const due = this.idle(tenant, 'compacted').filter(({ deletable }) => deletable < this.steps);
    if (due.length === 0) return undefined;
    const block = this.random.pick(due);
    block.state = 'gone';
    return this.removeBlock(block);
  }

  private *removeBlock(block: SimulatedBlock): Work {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(keyOf(block, ''))).sort();
    for (const key of keys) {
      this.objects.delete(key);
      yield;
    }
  }

  private expire(tenant: string): Work | undefined {
    const live = this.idle(tenant, 'live');
    if (live.length === 0) return undefined;
    const block = this.random.pick(live);
    for (const traceId of block.traceIds) this.durable.delete(traceId);
    return this.locked(block, this.demote(block));
  }

  private flushAgain(tenant: string): Work | undefined {
    const live = this.idle(tenant, 'live').filter(({ level }) => level === 0);
    if (live.length === 0) return undefined;
    const block = this.random.pick(live);
    return this.locked(block, this.writeBlock(block));
  }

  private *writeOthers(tenant: string): Work {
    const live = this.idle(tenant, 'live');
    if (live[0]) this.put(keyOf(live[0], 'nocompact.flg'), Buffer.alloc(0));
    yield;
    for (const key of [`${tenant}/index.json.gz`, `${tenant}/index.pb.zst`, 'work.json', 'tempo_cluster_seed.json']) {
      this.put(key, this.random.bytes(20));
      yield;
    }
  }

  private newBlock(tenant: string, traceIds: readonly string[], level: number): SimulatedBlock {
    const id = this.random.uuid();
    const block: SimulatedBlock = { id, tenant, level, traceIds, state: 'gone', busy: true, deletable: 0 };
    this.blocks.push(block);
    return block;
  }

  private idle(tenant: string, state: SimulatedBlock['state']): SimulatedBlock[] {
    return this.blocks.filter((block) => block.tenant === tenant && !block.busy && block.state === state);
  }

  private locked(block: SimulatedBlock, work: Work): Work {
    block.busy = true;
    return this.unlockAfter(block, work);
  }

  private *unlockAfter(block: SimulatedBlock, work: Work): Work {
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

  private *writeBlock({ tenant, id, traceIds, level }: SimulatedBlock): Work {
    const { files } = blockFiles(tenant, { id, traceIds, level, version: `v${this.versions++}` });
    for (const [name, bytes] of files) {
      this.put(`${tenant}/${id}/${name}`, bytes);
      yield;
    }
  }

  private put(key: string, bytes: Buffer): void {
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    this.objects.set(key, { bytes, etag, modifiedAt: new Date(FIRST_TIME + this.versions++ * 10) });
  }
}

function keyOf({ tenant, id }: SimulatedBlock, name: string): string {
  return `${tenant}/${id}/${name}`;
}

/** What is seen of the simulated bucket from outside: each page of a listing and each read as of its own moment. */
export class SimulatedBucket implements Bucket {
  readonly url = 's3://simulated';
  readonly requests = { put: 0, get: 0, head: 0, list: 0, delete: 0, multipart: 0 };
  readonly bytesRead = 0;

  constructor(
    private readonly tempo: Pick<TempoBucketSimulator, 'objects'>,
    private readonly tick: () => void,
    private readonly pageSize: number,
  ) {}

  async *folders(prefix: string): AsyncIterable<string> {
    let after = '';
    for (;;) {
      this.tick();
      const names = [...this.tempo.objects.keys()]
        .filter((key) => key.startsWith(prefix) && key.slice(prefix.length).includes('/'))
        .map((key) => key.slice(prefix.length).split('/')[0] ?? '');
      const [next] = [...new Set(names)].sort().filter((name) => name > after);
      if (next === undefined) return;
      yield next;
      after = next;
    }
  }

  async *list(prefix: string): AsyncIterable<BucketObject> {
    let after = '';
    for (;;) {
      this.tick();
      const keys = [...this.tempo.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
      const page = keys.slice(0, this.pageSize).map((key) => this.listed(key));
      yield* page;
      if (keys.length <= this.pageSize) return;
      after = page.at(-1)?.key ?? '';
    }
  }

  async get(key: string): Promise<{ bytes: Buffer; etag: string } | undefined> {
    this.tick();
    return this.tempo.objects.get(key);
  }

  source({ key, size, etag }: BucketObject, changed: () => Error): ByteSource {
    return {
      size,
      read: async (offset, into) => {
        this.tick();
        const object = this.tempo.objects.get(key);
        if (object?.etag !== etag) throw changed();
        object.bytes.copy(into, 0, offset);
      },
    };
  }

  async close(): Promise<void> {
    // Nothing is open.
  }

  private listed(key: string): BucketObject {
    const { bytes, etag, modifiedAt } = this.tempo.objects.get(key) ?? {
      bytes: Buffer.alloc(0),
      etag: '',
      modifiedAt: new Date(0),
    };
    return { key, size: bytes.length, etag, modifiedAt };
  }
}
