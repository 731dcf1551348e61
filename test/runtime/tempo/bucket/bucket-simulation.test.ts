import { BucketSource } from '../../../../runtime/tempo/bucket/bucket-source';
import { type Cut, takeCutOf } from '../../../../runtime/tempo/source/cut';
import { SourceDisk } from '../../../../runtime/tempo/source/source-disk';
import { Random } from '../../../helpers/random';
import { SimulatedBucket, TempoBucketSimulator } from '../../../helpers/tempo-bucket-simulator';
import { readFakeParquet } from '../../../helpers/tempo-tree';
import { MemorySink } from '../source/memory-sink';

const HISTORIES = 150;
const BATCH = 50;
const BACKUPS = 4;

/** Lets Tempo work on at every request that a backup makes. */
class Interleaving {
  steps = 0;

  constructor(
    private readonly random: Random,
    private readonly tempo: TempoBucketSimulator,
    private readonly eagerness: number,
  ) {}

  tick(): void {
    if (this.random.chance(this.eagerness)) this.run(1 + this.random.below(6));
  }

  run(steps: number): void {
    this.tempo.run(steps, this.steps > 0);
    this.steps -= steps;
  }
}

class SimulatedPauses extends SourceDisk {
  constructor(private readonly world: Interleaving) {
    super();
  }

  override async pause(ms: number): Promise<void> {
    this.world.run(ms / 10);
    return Promise.resolve();
  }
}

function traceIdsOf(cut: Cut, sink: MemorySink): Set<string> {
  const found = new Set<string>();
  for (const [tenant, { live, isUnchanged }] of cut.tenants) {
    for (const [id, seen] of live) {
      const stored = sink.blocks.get(`${tenant}/${id}`);
      if (!stored || (stored.seen !== seen && !isUnchanged))
        throw new Error(`block ${id} is in the cut in a state that isn't stored`);
      assertOneVersion(stored.files);
      readFakeParquet(stored.files.get('data.parquet') ?? Buffer.alloc(0)).traceIds.forEach((each) => found.add(each));
    }
  }
  return found;
}

function assertOneVersion(files: ReadonlyMap<string, Buffer>): void {
  const versionOf = (name: string): unknown =>
    (JSON.parse(files.get(name)?.toString() ?? '') as { version: unknown }).version;
  const versions = [
    readFakeParquet(files.get('data.parquet') ?? Buffer.alloc(0)).version,
    files.get('bloom-0')?.toString('latin1', 24).trim(),
    versionOf('index'),
    versionOf('meta.json'),
  ];
  if (new Set(versions).size > 1) throw new Error(`a stored block is a mix of the versions ${versions.join(', ')}`);
}

interface Played {
  readonly scans: number;
  readonly traces: number;
  /** How many tenants were known by the IDs of their blocks. */
  readonly unchanged: number;
}

/** Backups of a Tempo that works on meanwhile, or rests, into one sink. */
async function play(seed: number): Promise<Played> {
  const random = new Random(seed);
  const tempo = new TempoBucketSimulator(
    seed,
    random.sample(['single-tenant', 'team-a', 'team-b'], 1 + random.below(2)),
  );
  tempo.run(100 + random.below(400));
  const world = new Interleaving(random, tempo, random.pick([0.02, 0.1, 0.3, 0.9]));
  const bucket = new SimulatedBucket(tempo, () => world.tick(), 1 + random.below(12));
  const sink = new MemorySink(() => world.tick());
  const { signal } = new AbortController();
  const source = new BucketSource(bucket, sink, {
    signal,
    disk: new SimulatedPauses(world),
    now: () => tempo.now,
    splitAbove: random.pick([5, 40, 2000]),
  });
  let scans = 0;
  let traces = 0;
  let unchanged = 0;
  for (let backup = 0; backup < BACKUPS; backup++) {
    if (random.chance(0.5)) tempo.settle();
    world.steps = random.pick([0, 3, random.below(500)]);
    const before = new Set(tempo.durable);
    const cut = await takeCutOf(source, sink, { signal, concurrency: random.pick([1, 1, 4]) });
    const found = traceIdsOf(cut, sink);
    const expected = [...before].filter((traceId) => tempo.durable.has(traceId));
    const missing = expected.filter((traceId) => !found.has(traceId));
    if (missing.length > 0)
      throw new Error(`${missing.length} of ${expected.length} traces aren't in the cut of backup ${backup}`);
    if (cut.damaged.length > 0) throw new Error(`reported damage where there is none: ${JSON.stringify(cut.damaged)}`);
    scans = Math.max(scans, cut.scans);
    traces += expected.length;
    for (const [tenant, { live, isUnchanged }] of cut.tenants) {
      if (isUnchanged) unchanged++;
      sink.before.set(tenant, new Set(live.keys()));
    }
  }
  return { scans, traces, unchanged };
}

describe('a cut of a bucket that Tempo works on meanwhile', () => {
  const seen = { scans: 0, traces: 0, unchanged: 0 };

  it.each(Array.from({ length: HISTORIES / BATCH }, (_, index) => index * BATCH))(
    `has every trace that was in a block when it began, in ${BATCH} histories from seed %i`,
    async (first) => {
      for (let seed = first; seed < first + BATCH; seed++) {
        const result = await play(seed).catch((cause: unknown) => {
          throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
        });
        seen.scans = Math.max(seen.scans, result.scans);
        seen.traces += result.traces;
        seen.unchanged += result.unchanged;
      }
    },
    60_000,
  );

  it('was put to the test: data moved while it was looked at, and there was data', () => {
    expect(seen.scans).toBeGreaterThan(4);
    expect(seen.traces).toBeGreaterThan(HISTORIES * 10);
    expect(seen.unchanged).toBeGreaterThan(HISTORIES / 10);
  });
});
