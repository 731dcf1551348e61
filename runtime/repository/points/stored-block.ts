import type { IndexedBlock } from '../../../lib/contract/manifest';
import { blockPrefix, rewrittenBlockPrefix } from '../../../lib/contract/repository-layout';
import { StorageError } from '../../errors';
import { forEachConcurrently } from '../../streams/concurrency';
import { digestOf } from '../../streams/digest';
import { digestOfSource } from '../fetch';
import { prefixOf } from '../layout-guard';
import type { BlockToStore, FileToStore } from './block-to-store';
import type { Content, Placement } from './placement';

const DATA = 'data.parquet';
const META = 'meta.json';
const FILES_AT_ONCE = 4;

export interface BlockContext {
  readonly placement: Placement;
  /** The block as the previous point has it. */
  readonly previous: IndexedBlock | undefined;
  /** Makes a place that nobody has used when both usual ones are taken. */
  readonly salt: string;
  /** Whether something damaged lies at the place: then it isn't used, even for the same bytes. */
  readonly isDamaged: (place: string) => boolean;
  /** Whether nothing lies at the place, as far as is known without asking for its objects. */
  readonly isFree: (place: string) => Promise<boolean>;
  /** Whether the object under the key may be used again whatever its age. */
  readonly anyAge: (key: string) => boolean;
}

export interface StoredBlock {
  readonly entry: IndexedBlock;
  /** False when all its bytes lay in the repository already. */
  readonly sent: boolean;
}

/** Stores a block at the first of its places that is free or holds these very bytes: all of it in one place, meta.json last. */
export async function storeBlock(block: BlockToStore, context: BlockContext): Promise<StoredBlock> {
  const { previous } = context;
  if (previous && (await isSameBlock(block, previous))) {
    await block.confirm();
    return { entry: { ...previous, seen: block.seen }, sent: false };
  }
  for await (const prefix of placesOf(block, context.salt)) {
    if (context.isDamaged(prefix)) continue;
    const placed = await storeAt(prefix, block, context);
    if (placed)
      return { entry: entryOf(block, prefix, placed), sent: [...placed.values()].some(({ created }) => created) };
  }
  throw new StorageError(`store block '${block.id}': all its places are taken by other bytes; run the backup again`, {
    tenant: block.tenant,
  });
}

type PlacedFiles = Map<string, Content & { readonly created: boolean }>;

async function storeAt(
  prefix: string,
  block: BlockToStore,
  { placement, previous, isFree, anyAge }: BlockContext,
): Promise<PlacedFiles | undefined> {
  const named = previous && prefixOf(block.tenant, previous) === prefix ? contentsOf(previous) : undefined;
  const placed: PlacedFiles = new Map();
  const place = async ({ name, source }: FileToStore, probe: boolean): Promise<void> => {
    const key = `${prefix}/${name}`;
    const result = await placement.place(key, source, { named: named?.get(name), probe, anyAge: anyAge(key) });
    if (result) placed.set(name, result);
  };
  // data.parquet goes first and alone: where it is missing, an interrupted run can't have left any other file to ask for.
  const data = block.files.filter(({ name }) => name === DATA);
  const others = block.files.filter(({ name }) => name !== DATA);
  const isTaken = !(await isFree(prefix));
  for (const file of data) await place(file, isTaken);
  if (placed.size < data.length) return undefined;
  const probe = placed.get(DATA)?.created !== true;
  await forEachConcurrently(others, FILES_AT_ONCE, (file) => place(file, probe));
  if (placed.size < block.files.length) return undefined;
  await block.confirm();
  await place({ name: META, source: block.metaSource }, probe);
  return placed.has(META) ? placed : undefined;
}

/** Most blocks lie at the first: what the others are named after is read when they are asked for. */
async function* placesOf({ tenant, id, metaSource }: BlockToStore, salt: string): AsyncIterable<string> {
  yield blockPrefix(tenant, id);
  const digest = await digestOfSource(metaSource);
  yield rewrittenBlockPrefix(tenant, id, digest);
  yield rewrittenBlockPrefix(tenant, id, digestOf(Buffer.from(`${digest} ${salt}`)));
}

/** Only the inode or time of meta.json differs: the volume was moved or restored. */
async function isSameBlock({ files, metaSource }: BlockToStore, previous: IndexedBlock): Promise<boolean> {
  const known = contentsOf(previous);
  const sizes = [...files, { name: META, source: metaSource }].every(
    ({ name, source }) => known.get(name)?.size === source.size,
  );
  const isSame = sizes && known.size === files.length + 1;
  return isSame && known.get(META)?.sha256 === (await digestOfSource(metaSource));
}

function contentsOf({ files }: IndexedBlock): Map<string, Content> {
  return new Map(files.map(([name, size, sha256]) => [name, { size, sha256 }]));
}

function entryOf({ tenant, id, seen, meta, files }: BlockToStore, prefix: string, placed: PlacedFiles): IndexedBlock {
  const names = [...files.map(({ name }) => name).sort(), META];
  return {
    id,
    ...(prefix === blockPrefix(tenant, id) ? {} : { prefix }),
    seen,
    format: meta.format,
    start: new Date(meta.startTime).toISOString(),
    end: new Date(meta.endTime).toISOString(),
    objects: meta.totalObjects,
    level: meta.compactionLevel,
    replicationFactor: meta.replicationFactor,
    files: names.flatMap((name) => {
      const content = placed.get(name);
      return content ? [[name, content.size, content.sha256] as [string, number, string]] : [];
    }),
  };
}
