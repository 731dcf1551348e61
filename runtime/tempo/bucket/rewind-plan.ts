import type { Damage } from '../../../lib/contract/manifest';
import type { ObjectVersion, VersionedBucket } from '../../storage/bucket';
import { forEachConcurrently } from '../../streams/concurrency';
import { type BlockMeta, META_SIZE_LIMIT, parseBlockMeta } from '../block/block-meta';
import { type ArchivedVersion, VersionThaws } from './archived-versions';
import { type BlockHistory, type BucketHistory, COMPACTED, isLive, type KeyHistory, META } from './block-history';

const BLOCKS_AT_ONCE = 16;

/** What is done to one block, in this order. */
export interface RewoundBlock {
  readonly tenant: string;
  readonly id: string;
  /** Made current again: data.parquet, blooms, index. */
  readonly copies: readonly ObjectVersion[];
  /** Then put under a delete marker. */
  readonly hidden: readonly string[];
  /** Made current again last. */
  readonly meta: ObjectVersion | undefined;
}

export interface ReturningBlock extends RewoundBlock {
  readonly description: BlockMeta;
}

/** A block that comes back too; what it is, nobody can tell yet. */
export interface WaitingBlock extends RewoundBlock {
  /** Of its meta.json, in an archive class. */
  readonly unread: ObjectVersion;
}

export interface RewindPlan {
  /** Live at the moment and not now, or with other files. */
  readonly comeBack: readonly ReturningBlock[];
  /** As `comeBack`, once their meta.json has been thawed. */
  readonly waiting: readonly WaitingBlock[];
  /** Live now and not at the moment. */
  readonly vanish: readonly RewoundBlock[];
  /** As `vanish`, but left visible: one of them may hold the traces of a block that can't come back. */
  readonly kept: readonly RewoundBlock[];
  /** Live at both, with the same files. */
  readonly unchanged: number;
  /** Were live, or may have been, but their versions are gone. */
  readonly lost: readonly Damage[];
  /** What of all this is in an archive class. */
  readonly archived: readonly ArchivedVersion[];
}

export interface RewindPlanOptions {
  /** Whether versions of then may be gone without a trace, so that nobody can tell which blocks are lost. */
  readonly mayHaveExpired: boolean;
  readonly signal: AbortSignal;
}

/** Compares what was live with what is. When in doubt, a block too many stays: Tempo finds a trace in it once or twice, and misses none. */
export async function planRewind(
  bucket: VersionedBucket,
  { blocks }: BucketHistory,
  { mayHaveExpired, signal }: RewindPlanOptions,
): Promise<RewindPlan> {
  const comeBack: ReturningBlock[] = [];
  const waiting: WaitingBlock[] = [];
  const thaws = new VersionThaws(bucket);
  const lost: Damage[] = [];
  let unchanged = 0;
  const compare = async (block: BlockHistory): Promise<void> => {
    const planned = await planReturn(bucket, block, thaws);
    if (planned === undefined) unchanged++;
    else if ('reason' in planned) lost.push(planned);
    else if ('unread' in planned) waiting.push(planned);
    else comeBack.push(planned);
  };
  await forEachConcurrently(
    blocks.filter((block) => isLive(block, 'then')),
    BLOCKS_AT_ONCE,
    compare,
    signal,
  );
  for (const block of blocks)
    if (mayHaveBeenLive(block)) lost.push(damage(block, 'the versions of its meta.json are gone'));
  const departures = blocks.filter((block) => isLive(block, 'now') && !isLive(block, 'then')).map(planDeparture);
  const incomplete = new Set(lost.map(({ tenant }) => tenant));
  const isKept = ({ tenant }: RewoundBlock): boolean => mayHaveExpired || incomplete.has(tenant);
  const vanish = departures.filter((block) => !isKept(block));
  const needed = [...comeBack, ...waiting, ...vanish].flatMap(versionsOf);
  const archived = await thaws.survey(needed, signal);
  return { comeBack, waiting, vanish, kept: departures.filter(isKept), unchanged, lost, archived };
}

/** Undefined when it is as it was. */
async function planReturn(
  bucket: VersionedBucket,
  block: BlockHistory,
  thaws: VersionThaws,
): Promise<ReturningBlock | WaitingBlock | Damage | undefined> {
  const meta = block.files.get(META)?.then;
  if (!meta) return damage(block, 'its meta.json is gone');
  const data = [...block.files].filter(([name]) => name !== META && name !== COMPACTED);
  // Deleted for good, while the block was live.
  const gone = data.find(([, { then, oldest }]) => !then && !oldest.content);
  if (gone) return damage(block, `the versions of its ${gone[0]} are gone`);
  const copies = await changedFiles(
    bucket,
    data.map(([, file]) => file),
  );
  const hidden = block.files.get(COMPACTED)?.now?.content ? [`${block.tenant}/${block.id}/${COMPACTED}`] : [];
  const { now } = block.files.get(META) ?? {};
  const isMetaSame = await isSame(bucket, meta, now);
  if (copies.length === 0 && hidden.length === 0 && isMetaSame) return undefined;
  const back = isMetaSame ? undefined : meta;
  const planned = { tenant: block.tenant, id: block.id, copies: inOrder(copies), hidden, meta: back };
  // The version may be in an archive class where its copy isn't.
  const readable = isMetaSame && now ? now : meta;
  if (!(await thaws.isReadable(readable))) return { ...planned, unread: readable };
  return describedBlock(bucket, block, { planned, readable });
}

async function describedBlock(
  bucket: VersionedBucket,
  block: BlockHistory,
  { planned, readable }: { readonly planned: RewoundBlock; readonly readable: ObjectVersion },
): Promise<ReturningBlock | Damage> {
  const description = await readMeta(bucket, block, readable);
  return 'reason' in description ? description : { ...planned, description };
}

/** All that is read or copied. */
function versionsOf(block: RewoundBlock | WaitingBlock): ObjectVersion[] {
  const unread = 'unread' in block && block.unread !== block.meta ? [block.unread] : [];
  return [...block.copies, ...(block.meta ? [block.meta] : []), ...unread];
}

async function changedFiles(bucket: VersionedBucket, files: readonly KeyHistory[]): Promise<ObjectVersion[]> {
  const changed: ObjectVersion[] = [];
  for (const { then, now } of files) if (then?.content && !(await isSame(bucket, then, now))) changed.push(then);
  return changed;
}

function planDeparture({ tenant, id, files }: BlockHistory): RewoundBlock {
  const marker = files.get(COMPACTED)?.then;
  const hidden = [`${tenant}/${id}/${META}`];
  return { tenant, id, copies: marker?.content ? [marker] : [], hidden, meta: undefined };
}

/** What hid its meta.json is all that is left of it, and came later: before, there may have been one. */
function mayHaveBeenLive({ files }: BlockHistory): boolean {
  const meta = files.get(META);
  return meta !== undefined && !meta.then && meta.oldest.content === undefined;
}

async function isSame(bucket: VersionedBucket, then: ObjectVersion, now: ObjectVersion | undefined): Promise<boolean> {
  if (!now?.content || now.content.size !== then.content?.size) return false;
  if (now.id === then.id || now.content.etag === then.content.etag) return true;
  // A copy of what was sent in parts has another ETag.
  return bucket.isBack(then);
}

async function readMeta(
  bucket: VersionedBucket,
  block: BlockHistory,
  version: ObjectVersion,
): Promise<BlockMeta | Damage> {
  const { size = 0 } = version.content ?? {};
  if (size > META_SIZE_LIMIT) return damage(block, `its meta.json has more than ${META_SIZE_LIMIT} bytes`);
  const meta = parsed(await bucket.readVersion(version, META_SIZE_LIMIT));
  if (!meta) return damage(block, "its meta.json can't be read");
  const defect = defectOf(block, meta);
  return defect === undefined ? meta : damage(block, defect);
}

function defectOf({ files }: BlockHistory, meta: BlockMeta): string | undefined {
  const size = files.get('data.parquet')?.then?.content?.size ?? 0;
  if (size !== meta.size) return `its data.parquet has ${size} bytes, its meta.json says ${meta.size}`;
  const names = Array.from({ length: meta.bloomShards }, (_, shard) => `bloom-${shard}`);
  const missing = names.find((name) => !files.get(name)?.then?.content);
  return missing === undefined ? undefined : `it has no ${missing}, of ${meta.bloomShards}`;
}

function parsed(bytes: Buffer): BlockMeta | undefined {
  try {
    return parseBlockMeta(bytes);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** data.parquet, the blooms, the index: as Tempo writes them. */
function inOrder(versions: readonly ObjectVersion[]): ObjectVersion[] {
  const rankOf = ({ key }: ObjectVersion): number =>
    key.endsWith('/data.parquet') ? 0 : key.endsWith('/index') ? 2 : 1;
  return versions.toSorted((a, b) => rankOf(a) - rankOf(b) || (a.key < b.key ? -1 : 1));
}

function damage({ tenant, id }: BlockHistory, reason: string): Damage {
  return { tenant, block: id, reason };
}
