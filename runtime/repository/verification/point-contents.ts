import { createHash } from 'node:crypto';
import type { IndexedBlock, Manifest, ObjectReference, TenantSummary, WalBlock } from '../../../lib/contract/manifest';
import { forEachConcurrently } from '../../streams/concurrency';
import { filesOf } from '../layout-guard';
import { isDamage, type Repository } from '../repository';

const POINTS_AT_ONCE = 4;

/** What is verified as one: a block, a WAL page or a configuration file. */
export interface Unit {
  /** Its key with a digest of what the point says of it: another point may name the same key with other bytes. */
  readonly id: string;
  readonly files: readonly ObjectReference[];
  readonly bytes: number;
  readonly block: { readonly tenant: string; readonly entry: IndexedBlock } | undefined;
  readonly page: { readonly block: WalBlock; readonly name: string } | undefined;
}

export interface PointProblem {
  readonly key: string;
  readonly reason: string;
}

/** What a point names. */
export interface PointContents {
  readonly id: string;
  /** Whether the point itself lacks something. */
  readonly suspect: boolean;
  /** IDs of units, one list for each index and one for the rest: points share the lists of shared indexes. */
  readonly units: readonly (readonly string[])[];
  /** The indexes that it names. */
  readonly indexes: readonly ObjectReference[];
  /** Its own documents that couldn't be read. */
  readonly problems: readonly PointProblem[];
}

/** Reads manifests and indexes, each once. */
export class ContentsReader {
  readonly units = new Map<string, Unit>();
  private readonly indexes = new Map<string, Promise<readonly string[] | PointProblem>>();

  constructor(private readonly repository: Repository) {}

  async read(ids: readonly string[], signal?: AbortSignal): Promise<PointContents[]> {
    const contents = new Map<string, PointContents>();
    await forEachConcurrently(
      ids,
      POINTS_AT_ONCE,
      async (id) => void contents.set(id, await this.readPoint(id)),
      signal,
    );
    return ids.flatMap((id) => contents.get(id) ?? []);
  }

  private async readPoint(id: string): Promise<PointContents> {
    const manifest = await orProblem(`points/${id}.json`, () => this.repository.manifest(id));
    if ('reason' in manifest) return { id, suspect: false, units: [], indexes: [], problems: [manifest] };
    const indexes = await Promise.all(manifest.tenants.map((summary) => this.readIndex(summary)));
    return {
      id,
      suspect: manifest.suspect.length > 0,
      units: [...indexes.filter(isList), this.ownUnits(manifest)],
      indexes: manifest.tenants.map(({ index }) => index),
      problems: indexes.flatMap((index) => (isList(index) ? [] : index)),
    };
  }

  private readIndex(summary: TenantSummary): Promise<readonly string[] | PointProblem> {
    // The summary's own claims are part of what is checked, so they are part of what makes two reads the same.
    const identity = JSON.stringify(summary);
    const known = this.indexes.get(identity);
    if (known) return known;
    const reading = orProblem(summary.index.key, async () => {
      const { blocks } = await this.repository.index(summary);
      return blocks.map((entry) =>
        this.add(() => filesOf(summary.tenant, entry), { block: { tenant: summary.tenant, entry } }),
      );
    });
    this.indexes.set(identity, reading);
    return reading;
  }

  private ownUnits({ wal, config }: Manifest): string[] {
    const pages = wal.flatMap((block) =>
      block.pages.map((page) => this.add(() => [page], { page: { block, name: page.name } })),
    );
    return [...pages, ...config.map((file) => this.add(() => [file], {}))];
  }

  private add(list: () => readonly ObjectReference[], of: Partial<Pick<Unit, 'block' | 'page'>>): string {
    const files = list();
    const id = unitId(files);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    if (!this.units.has(id)) this.units.set(id, new ListedUnit(id, bytes, { ...of, list }));
    return id;
  }
}

/** Makes its files when they are asked for: the keys of all files of 20,000 blocks are most of what a verification would hold. */
class ListedUnit implements Unit {
  readonly block: Unit['block'];
  readonly page: Unit['page'];
  private readonly list: () => readonly ObjectReference[];

  constructor(
    readonly id: string,
    readonly bytes: number,
    of: Partial<Pick<Unit, 'block' | 'page'>> & { readonly list: () => readonly ObjectReference[] },
  ) {
    this.block = of.block;
    this.page = of.page;
    this.list = of.list;
  }

  get files(): readonly ObjectReference[] {
    return this.list();
  }
}

function unitId(files: readonly ObjectReference[]): string {
  const hash = createHash('sha256');
  for (const { key, size, sha256 } of files) hash.update(`${key} ${size} ${sha256}\n`);
  const first = files[0]?.key ?? '';
  const name = files.length > 1 ? first.slice(0, first.lastIndexOf('/')) : first;
  return `${name}#${hash.digest('hex').slice(0, 12)}`;
}

async function orProblem<T>(key: string, read: () => Promise<T>): Promise<T | PointProblem> {
  try {
    return await read();
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { key, reason: error.message };
  }
}

function isList(index: readonly string[] | PointProblem): index is readonly string[] {
  return Array.isArray(index);
}
