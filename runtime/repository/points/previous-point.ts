import type { IndexedBlock, Manifest, TenantSummary, WalBlock } from '../../../lib/contract/manifest';
import { walName } from '../layout-guard';
import { isDamage, type Repository } from '../repository';
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
    const { points } = await repository.listPoints();
    const warnings: string[] = [];
    for (const { id } of points) {
      const manifest = await readableManifest(repository, id, warnings);
      if (!manifest) continue;
      const baseline =
        manifest.baseline === null ? undefined : await readableManifest(repository, manifest.baseline, warnings);
      return new PreviousPoint(repository, points[0], warnings, { manifest, baseline });
    }
    return new PreviousPoint(repository, points[0], warnings, {});
  }

  readonly manifest: Manifest | undefined;
  readonly baseline: Manifest | undefined;
  private readonly loaded = new Map<string, Promise<Blocks>>();
  private readonly unreadable = new Set<string>();

  private constructor(
    private readonly repository: Repository,
    /** The newest by name, readable or not: the next one's ID comes after it. */
    readonly newest: PointEntry | undefined,
    readonly warnings: string[],
    found: { readonly manifest?: Manifest; readonly baseline?: Manifest },
  ) {
    this.manifest = found.manifest;
    this.baseline = found.baseline;
  }

  tenants(): string[] {
    return [this.manifest, this.baseline].flatMap((manifest) => manifest?.tenants.map(({ tenant }) => tenant) ?? []);
  }

  summary(tenant: string): TenantSummary | undefined {
    return summaryOf(this.manifest, tenant);
  }

  /** The blocks of the newest point. */
  newestBlocks(tenant: string): Promise<Blocks> {
    return this.indexed(this.summary(tenant));
  }

  /** The blocks of both points; where both have one, the newest point's counts. */
  async blocks(tenant: string): Promise<Blocks> {
    const newest = await this.newestBlocks(tenant);
    const baseline = await this.indexed(summaryOf(this.baseline, tenant));
    return baseline.size === 0 ? newest : new Map([...baseline, ...newest]);
  }

  /** Whether an index of the tenant couldn't be read, so that nobody can tell what vanished. */
  isUnreadable(tenant: string): boolean {
    return this.unreadable.has(tenant);
  }

  walBlock(block: { readonly id: string; readonly tenant: string; readonly encoding: string }): WalBlock | undefined {
    const name = walName(block);
    return this.manifest?.wal.find((known) => walName(known) === name);
  }

  /** An index or a configuration file under this key, when one of the points names it. */
  named(key: string): Content | undefined {
    const references = [this.manifest, this.baseline].flatMap((manifest) =>
      manifest ? [...manifest.config, ...manifest.tenants.map(({ index }) => index)] : [],
    );
    return references.find((reference) => reference.key === key);
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
      this.unreadable.add(summary.tenant);
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

function summaryOf(manifest: Manifest | undefined, tenant: string): TenantSummary | undefined {
  return manifest?.tenants.find((summary) => summary.tenant === tenant);
}
