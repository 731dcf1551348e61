import { type ObjectReference } from '../../../lib/contract/manifest';
import { pointIdOf } from '../../../lib/contract/repository-layout';
import { filesOf } from '../../../runtime/repository/layout-guard';
import { type PointBuilder, type PointDetails } from '../../../runtime/repository/point-builder';
import { prune } from '../../../runtime/repository/prune';
import { takeCensus } from '../../../runtime/repository/pruning/unreferenced';
import { Repository } from '../../../runtime/repository/repository';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { type Storage } from '../../../runtime/storage/storage';
import { killAt } from '../../helpers/killing-storage';
import { Random } from '../../helpers/random';
import {
  backUp,
  beginBackup,
  DAY,
  detailsOf,
  type FakeBlock,
  FakeClock,
  FakeTempo,
  GRACE,
  HOUR,
  storeAll,
  verifyAll,
} from '../../helpers/repository-blocks';

const SEEDS = 200;
const STEPS = 25;

const RULES = ['1h', '1d', '3d', '9d'] as const;

interface Running {
  readonly builder: PointBuilder;
  readonly cut: Pick<PointDetails['cut'], 'tenants' | 'wal'>;
  readonly cutAt: Date;
}

/** A repository to which everything happens that may: backups slow, killed and at once, clocks wrong, prunes killed, sources that lose blocks. */
class History {
  readonly clock = new FakeClock();
  readonly storage = new MemoryStorage({ clock: this.clock.now });
  readonly done = { points: 0, deletedPoints: 0, deletedObjects: 0, kills: 0 };
  private readonly random: Random;
  private readonly tempo: FakeTempo;
  private readonly running: Running[] = [];
  private readonly lost: FakeBlock[] = [];
  private readonly named = new Map<string, readonly ObjectReference[]>();

  constructor(seed: number) {
    this.random = new Random(seed);
    this.tempo = new FakeTempo(seed, this.clock);
    this.tempo.addBlock();
  }

  async step(): Promise<void> {
    const steps = [
      async () => this.change(),
      async () => this.change(),
      () => this.backUp(),
      () => this.backUp(),
      () => this.begin(),
      () => this.commit(),
      () => this.prune(),
      () => this.prune(),
      () => this.verify(),
      async () => this.clock.pass(this.random.below(30) * HOUR),
      async () => this.clock.pass(this.random.below(30) * HOUR),
    ];
    await this.random.pick(steps)();
  }

  /** Every object that any manifest names is there, with the bytes that it says. */
  async expectWhole(): Promise<void> {
    for (const key of this.storage.objects.keys()) {
      if (!key.startsWith('points/')) continue;
      const lost = (await this.namedBy(key)).find(
        (named) => this.storage.objects.get(named.key)?.sha256 !== named.sha256,
      );
      if (lost) throw new Error(`${key} lost ${lost.key}`);
    }
  }

  /** Left alone, nothing stays that nobody names. */
  async expectTidy(): Promise<void> {
    for (let run = 0; run < 4; run++) {
      this.clock.pass(20 * DAY);
      const repository = await this.open();
      const allow = ['source-regression'];
      if (run === 0) await backUp(repository, this.tempo, { deleteAfter: '1h', allow });
      await verifyAll(repository);
      await this.pruneOn(this.storage);
    }
    const repository = await this.open();
    const [only, ...others] = (await repository.listPoints()).points;
    expect(others).toEqual([]);
    const named = await this.namedBy(`points/${only?.id ?? ''}.json`);
    const { unreferenced } = await takeCensus(this.storage, new Set(named.map(({ key }) => key)));
    expect(unreferenced).toEqual([]);
  }

  private change(): void {
    const blocks = [...this.tempo.blocks.values()];
    const some = this.random.sample(blocks, 2);
    const changes = [
      () => void this.tempo.addBlock(this.random.pick(['team-a', 'team-b'])),
      () => void this.tempo.addBlock(),
      () => void (some[0] && this.tempo.rewrite(some[0])),
      () => void (some[1] && some[0]?.tenant === some[1].tenant && this.tempo.compact(some)),
      () => this.lose(some[0]),
      () => this.bringBack(),
      () => this.bringBack(),
      () => void this.tempo.addWal(),
      () => this.tempo.wal.clear(),
    ];
    this.random.pick(changes)();
  }

  private lose(block: FakeBlock | undefined): void {
    if (!block || this.tempo.blocks.size < 2) return;
    this.tempo.remove(block);
    this.lost.push(block);
  }

  /** A volume is mounted again, or restored: what the repository has of the block may be condemned by now. */
  private bringBack(): void {
    for (const block of this.lost.splice(0)) this.tempo.blocks.set(`${block.tenant}/${block.id}`, block);
  }

  private async backUp(): Promise<void> {
    const work = async (storage: Storage) => backUp(await this.open(storage), this.tempo, this.options());
    if (await this.maybeKilled(work, 0.3)) this.done.points++;
  }

  private async begin(): Promise<void> {
    const builder = await beginBackup(await this.open(), this.options());
    this.running.push({ builder, cut: await storeAll(builder, this.tempo), cutAt: this.clock.now() });
  }

  private async commit(): Promise<void> {
    const [one] = this.random.sample(this.running, 1);
    if (!one) return;
    this.running.splice(this.running.indexOf(one), 1);
    try {
      await one.builder.commit(detailsOf({ ...one.cut, damaged: [], cutAt: one.cutAt }, this.options()));
      this.done.points++;
    } catch (error) {
      if (!/longer than the/.test(String(error))) throw error;
    }
  }

  private async prune(): Promise<void> {
    await this.maybeKilled((storage) => this.pruneOn(storage), 0.3);
  }

  private async pruneOn(storage: Storage): Promise<void> {
    const allow = new Set(['suspect-source']);
    const { points, objects } = await prune(await this.open(storage), { grace: GRACE, maxShare: 1, allow });
    this.done.deletedPoints += points.deleted.length;
    this.done.deletedObjects += objects.deleted;
  }

  private async verify(): Promise<void> {
    await this.maybeKilled(async (storage) => verifyAll(await this.open(storage)), 0.1);
  }

  private async maybeKilled(work: (storage: Storage) => Promise<unknown>, probability: number): Promise<boolean> {
    const n = this.random.chance(probability) ? this.random.below(40) : undefined;
    const storage = killAt(this.storage, n, this.random.pick(['before', 'after']));
    try {
      await work(storage);
    } catch (error) {
      if (!storage.killed) throw error;
      this.done.kills++;
    }
    return !storage.killed;
  }

  private options() {
    const retention = this.random.chance(0.8) ? () => 0 : () => undefined;
    const damaged = this.random.chance(0.1) ? this.random.sample([...this.tempo.blocks.values()], 1) : [];
    return {
      deleteAfter: this.random.pick(RULES),
      allow: ['source-regression'].filter(() => this.random.chance(0.7)),
      retention,
      damaged: damaged.map(({ tenant, id }) => ({ tenant, block: id, reason: 'truncated' })),
    };
  }

  /** By a runner whose clock may be wrong by years. */
  private open(storage: Storage = this.storage): Promise<Repository> {
    const wrong = this.random.chance(0.2) ? this.random.pick([-900, -1, 1, 900]) * DAY : 0;
    const now = () => new Date(this.clock.now().getTime() + wrong);
    return Repository.open(storage, { create: true, now, random: () => this.random.next() });
  }

  /** Manifests never change, so each is read once; what it names is looked for at each step. */
  private async namedBy(point: string): Promise<readonly ObjectReference[]> {
    const known = this.named.get(point);
    if (known) return known;
    const repository = await this.open();
    const { tenants, wal } = await repository.manifest(pointIdOf(point) ?? '');
    const named = wal.flatMap(({ pages }) => pages.map(({ key, size, sha256 }) => ({ key, size, sha256 })));
    for (const summary of tenants) {
      const { blocks } = await repository.index(summary);
      named.push(summary.index, ...blocks.flatMap((block) => filesOf(summary.tenant, block)));
    }
    this.named.set(point, named);
    return named;
  }
}

describe('any history of backups, prunes, verifications and kills', () => {
  it(`never costs a point an object, and leaves nothing behind (${SEEDS} seeds)`, async () => {
    const totals = { points: 0, deletedPoints: 0, deletedObjects: 0, kills: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const history = new History(seed);
      try {
        for (let step = 0; step < STEPS; step++) {
          await history.step();
          await history.expectWhole();
        }
        await history.expectTidy();
      } catch (cause) {
        throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
      }
      for (const name of ['points', 'deletedPoints', 'deletedObjects', 'kills'] as const)
        totals[name] += history.done[name];
    }
    expect(totals.points).toBeGreaterThan(4 * SEEDS);
    expect(totals.deletedPoints).toBeGreaterThan(SEEDS);
    expect(totals.deletedObjects).toBeGreaterThan(4 * SEEDS);
    expect(totals.kills).toBeGreaterThan(SEEDS / 2);
  }, 300_000);
});
