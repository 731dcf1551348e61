import type { IndexedBlock, Manifest, TenantSummary, WalBlock } from '../../../lib/contract/manifest';
import { DamageNotices } from '../damage-notices';
import { prefixOf, walName } from '../layout-guard';
import { condemnedRecords } from '../pruning/condemned';
import { isDamage, type Repository } from '../repository';
import { fingerprint, fingerprintOfIds } from './fingerprint';
import type { Content } from './placement';
import type { PointEntry } from './point-order';

type Blocks = ReadonlyMap<string, IndexedBlock>;

/**
 * What a new point builds on: the newest point, and the one that it is compared with when the source had regressed. Prune keeps both, so
 * what they name may be named again without a look.
 *
 * Damage here never stops a backup: what can't be read is as if it weren't there, is stored again, and is told in `warnings`.
 */
export class PreviousPoint {
  static async find(repository: Repository): Promise<PreviousPoint> {
    const { points, notices } = await repository.listPoints();
    const damage = await DamageNotices.read(repository, notices);
    const warnings = [...damage.warnings];
    for (const { id } of points) {
      const manifest = await readableManifest(repository, id, warnings);
      if (!manifest) continue;
      const baseline =
        manifest.baseline === null ? undefined : await readableManifest(repository, manifest.baseline, warnings);
      return new PreviousPoint(repository, points[0], warnings, { damage, manifest, baseline });
    }
    return new PreviousPoint(repository, points[0], warnings, { damage });
  }

  /** What `verify` found damaged: it counts as not stored. */
  readonly damage: DamageNotices;
  readonly manifest: Manifest | undefined;
  readonly baseline: Manifest | undefined;
  private readonly loaded = new Map<string, Promise<Blocks>>();
  private readonly unreadable = new Set<string>();
  private readonly lost = new Set<string>();
  private condemned: Promise<ReadonlySet<string> | undefined> | undefined;

  private constructor(
    private readonly repository: Repository,
    /** The newest by name, readable or not: the next one's ID comes after it. */
    readonly newest: PointEntry | undefined,
    readonly warnings: string[],
    found: { readonly damage: DamageNotices; readonly manifest?: Manifest; readonly baseline?: Manifest },
  ) {
    this.damage = found.damage;
    this.manifest = found.manifest;
    this.baseline = found.baseline;
  }

  tenants(): string[] {
    return [this.manifest, this.baseline].flatMap((manifest) => manifest?.tenants.map(({ tenant }) => tenant) ?? []);
  }

  summary(tenant: string): TenantSummary | undefined {
    return summaryOf(this.manifest, tenant);
  }

  /** What a new point says of the tenant when its blocks are these; undefined when something came, went, changed or is damaged. */
  unchanged(tenant: string, live: ReadonlyMap<string, string>): TenantSummary | undefined {
    const summary = this.summary(tenant);
    if (!summary || fingerprint(live) !== summary.fingerprint) return undefined;
    return this.isSound(summary) ? summary : undefined;
  }

  /** Whether the tenant's blocks are these, by their IDs alone. */
  hasSameIds(tenant: string, ids: ReadonlySet<string>): boolean {
    const summary = this.summary(tenant);
    return summary?.ids !== undefined && fingerprintOfIds(ids) === summary.ids && this.isSound(summary);
  }

  /** The blocks of the newest point. */
  newestBlocks(tenant: string): Promise<Blocks> {
    return this.indexed(this.summary(tenant));
  }

  baselineBlocks(tenant: string): Promise<Blocks> {
    return this.indexed(summaryOf(this.baseline, tenant));
  }

  /** The blocks of both points; where both have one, the newest point's counts. */
  async blocks(tenant: string): Promise<Blocks> {
    const newest = await this.newestBlocks(tenant);
    const baseline = await this.indexed(summaryOf(this.baseline, tenant));
    return baseline.size === 0 ? newest : new Map([...baseline, ...newest]);
  }

  /** Of `blocks`, those whose files are not known to be damaged. */
  async soundBlocks(tenant: string): Promise<Blocks> {
    const blocks = await this.blocks(tenant);
    if (!this.damage.hasBlocksOf(tenant)) return blocks;
    return new Map([...blocks].filter(([, block]) => !this.damage.has(prefixOf(tenant, block))));
  }

  /** Whether `verify` found an index of the tenant lost. */
  isLost(tenant: string): boolean {
    return this.lost.has(tenant);
  }

  /**
   * Which objects may be used again whatever their age: where an index is lost, its blocks are nobody's, yet lie there. Prune deletes only
   * what a record condemned a grace ago, so what none names now stays for longer than this run may take.
   */
  async lasting(tenant: string): Promise<(key: string) => boolean> {
    await this.blocks(tenant);
    if (!this.isLost(tenant)) return () => false;
    this.condemned ??= condemnedKeys(this.repository);
    const condemned = await this.condemned;
    return (key) => condemned !== undefined && !condemned.has(key);
  }

  /** Whether an index of the tenant couldn't be read, so that nobody can tell what vanished. */
  isUnreadable(tenant: string): boolean {
    return this.unreadable.has(tenant);
  }

  walBlock(block: { readonly id: string; readonly tenant: string; readonly encoding: string }): WalBlock | undefined {
    const name = walName(block);
    const found = this.manifest?.wal.find((known) => walName(known) === name);
    return found && this.soundPages(found);
  }

  /** The WAL block with those pages that are not known to be damaged. */
  soundPages(block: WalBlock): WalBlock {
    return { ...block, pages: block.pages.filter(({ key }) => !this.damage.has(key)) };
  }

  /** An index or a configuration file under this key, when one of the points names it and it is sound. */
  named(key: string): Content | undefined {
    if (this.damage.has(key)) return undefined;
    const references = [this.manifest, this.baseline].flatMap((manifest) =>
      manifest ? [...manifest.config, ...manifest.tenants.map(({ index }) => index)] : [],
    );
    return references.find((reference) => reference.key === key);
  }

  private isSound({ tenant, index }: TenantSummary): boolean {
    return !this.damage.has(index.key) && !this.damage.hasBlocksOf(tenant);
  }

  private indexed(summary: TenantSummary | undefined): Promise<Blocks> {
    if (!summary) return Promise.resolve(new Map());
    const known = this.loaded.get(summary.index.key);
    if (known) return known;
    const loading = this.load(summary);
    this.loaded.set(summary.index.key, loading);
    return loading;
  }

  private async load(summary: TenantSummary): Promise<Blocks> {
    try {
      const { blocks } = await this.repository.index(summary);
      return new Map(blocks.map((block) => [block.id, block]));
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.warnings.push(`${error.message}; the blocks of tenant '${summary.tenant}' are stored again`);
      // What verification found is as good as repaired once every live block is stored or confirmed; a surprise is not.
      (this.damage.has(summary.index.key) ? this.lost : this.unreadable).add(summary.tenant);
      return new Map();
    }
  }
}

async function readableManifest(repository: Repository, id: string, warnings: string[]): Promise<Manifest | undefined> {
  try {
    return await repository.manifest(id);
  } catch (error) {
    if (!isDamage(error)) throw error;
    warnings.push(`${error.message}; run 'verify'`);
    return undefined;
  }
}

/** Undefined when a record can't be read: then anything may be condemned. */
async function condemnedKeys(repository: Repository): Promise<ReadonlySet<string> | undefined> {
  const unreadable: string[] = [];
  const records = await condemnedRecords(repository, unreadable);
  return unreadable.length > 0 ? undefined : new Set(records.flatMap(({ objects }) => objects.map(([key]) => key)));
}

function summaryOf(manifest: Manifest | undefined, tenant: string): TenantSummary | undefined {
  return manifest?.tenants.find((summary) => summary.tenant === tenant);
}
