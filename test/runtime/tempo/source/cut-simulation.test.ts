import { existsSync, mkdtempSync, readSync, rmSync } from 'node:fs';
import type { BigIntStats, Dirent } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cut, takeCut } from '../../../../runtime/tempo/source/cut';
import { type FileState, SourceDisk } from '../../../../runtime/tempo/source/source-disk';
import { TempoSource } from '../../../../runtime/tempo/source/tempo-source';
import { Random } from '../../../helpers/random';
import { readFakeParquet } from '../../../helpers/tempo-tree';
import { TempoSimulator } from '../../../helpers/tempo-simulator';
import { MemorySink } from './memory-sink';

const HISTORIES = 420;
const BATCH = 30;

/** Lets Tempo work on at every look that a backup takes. */
class Interleaving {
  steps = 0;

  constructor(
    private readonly random: Random,
    private readonly tempo: TempoSimulator,
    private readonly eagerness: number,
  ) {}

  tick(): void {
    if (this.random.chance(this.eagerness)) this.run(1 + this.random.below(6));
  }

  /** When its steps are spent it ends what it has begun: a Tempo that stops in the middle of a file is another matter. */
  run(steps: number): void {
    this.tempo.run(steps, this.steps > 0);
    this.steps -= steps;
  }

  get now(): number {
    return this.tempo.now;
  }
}

class SimulatedDisk extends SourceDisk {
  constructor(private readonly world: Interleaving) {
    super();
  }

  override list(folder: string): Dirent[] {
    this.world.tick();
    return super.list(folder);
  }

  protected override stats(path: string): BigIntStats | undefined {
    this.world.tick();
    return super.stats(path);
  }

  override readSmall(path: string, limit: number): Buffer | undefined {
    this.world.tick();
    return super.readSmall(path, limit);
  }

  override open(path: string): Promise<FileHandle> {
    this.world.tick();
    return super.open(path);
  }

  /** Synchronous, so that everything follows from the seed. */
  override async read(file: FileHandle, position: number, into: Buffer): Promise<number> {
    this.world.tick();
    return Promise.resolve(readSync(file.fd, into, 0, into.length, position));
  }

  override async pause(ms: number): Promise<void> {
    this.world.run(ms / 5);
    return Promise.resolve();
  }

  override ageOf(state: FileState): number {
    return this.world.now - state.modifiedMs;
  }
}

function traceIdsOf(cut: Cut, sink: MemorySink): Set<string> {
  const found = new Set<string>();
  const add = (bytes: Buffer | undefined): void =>
    readFakeParquet(bytes ?? Buffer.alloc(0)).traceIds.forEach((id) => found.add(id));
  for (const [tenant, { live }] of cut.tenants) {
    for (const [id, seen] of live) {
      const stored = sink.blocks.get(`${tenant}/${id}`);
      if (stored?.seen !== seen) throw new Error(`block ${id} is in the cut in a state that isn't stored`);
      assertOneVersion(stored.files);
      add(stored.files.get('data.parquet'));
    }
  }
  for (const name of cut.wal) for (const page of sink.wal.get(name)?.pages.values() ?? []) add(page);
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

/** Two backups of a Tempo that works on meanwhile, into one sink. */
async function play(root: string, seed: number): Promise<{ scans: number; traces: number }> {
  const random = new Random(seed);
  const tenants = random.sample(['single-tenant', 'team-a', 'team-b'], 1 + random.below(2));
  const tempo = new TempoSimulator(root, seed, { shape: random.pick(['2.9', '3.0']), tenants });
  tempo.run(100 + random.below(400));
  const world = new Interleaving(random, tempo, random.pick([0.02, 0.1, 0.3, 0.9]));
  const source = TempoSource.open({ path: tempo.tracesPath, walPath: tempo.walPath }, new SimulatedDisk(world));
  const sink = new MemorySink(() => world.tick());
  let scans = 0;
  let traces = 0;
  for (let backup = 0; backup < 2; backup++) {
    world.steps = random.below(500);
    const before = new Set(tempo.durable);
    const cut = await takeCut(source, sink, {
      signal: new AbortController().signal,
      concurrency: random.pick([1, 1, 4]),
    });
    const found = traceIdsOf(cut, sink);
    const expected = [...before].filter((traceId) => tempo.durable.has(traceId));
    const missing = expected.filter((traceId) => !found.has(traceId));
    if (missing.length > 0)
      throw new Error(`${missing.length} of ${expected.length} traces aren't in the cut of backup ${backup}`);
    if (cut.damaged.length > 0) throw new Error(`reported damage where there is none: ${JSON.stringify(cut.damaged)}`);
    scans = Math.max(scans, cut.scans);
    traces += expected.length;
  }
  return { scans, traces };
}

describe('a cut of a Tempo that works on meanwhile', () => {
  const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tempo-simulation-'));
  const seen = { scans: 0, traces: 0 };

  afterAll(() => rmSync(root, { recursive: true }));

  it.each(Array.from({ length: HISTORIES / BATCH }, (_, index) => index * BATCH))(
    `has every trace that was in a block or a closed page when it began, in ${BATCH} histories from seed %i`,
    async (first) => {
      for (let seed = first; seed < first + BATCH; seed++) {
        const folder = join(root, String(seed));
        const result = await play(folder, seed).catch((cause: unknown) => {
          throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
        });
        rmSync(folder, { recursive: true });
        seen.scans = Math.max(seen.scans, result.scans);
        seen.traces += result.traces;
      }
    },
    60_000,
  );

  it('was put to the test: data moved while it was looked at, and there was data', () => {
    expect(seen.scans).toBeGreaterThan(4);
    expect(seen.traces).toBeGreaterThan(HISTORIES * 10);
  });
});
