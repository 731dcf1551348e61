import { z } from 'zod';
import type { Damage, IndexedBlock, Manifest, WalBlock } from '../../../lib/contract/manifest';
import { walName } from '../layout-guard';
import type { CutToCommit } from './block-to-store';
import type { PreviousPoint } from './previous-point';
import { oldestKept } from './regression';

const time = z
  .string()
  .transform((text) => Date.parse(text))
  .refine((milliseconds) => milliseconds > 0);
const timesSchema = z.object({ startTime: time, endTime: time, totalObjects: z.number().default(0) });

/**
 * The WAL of the point to be, by name: what is in the cut, and of damaged WAL blocks also the pages that only the previous point has. A
 * closed page never changes, so its copy is as good as ever.
 */
export function assembleWal(
  cut: CutToCommit,
  stored: ReadonlyMap<string, WalBlock>,
  previous: PreviousPoint,
): Map<string, WalBlock> {
  const wal = new Map<string, WalBlock>();
  for (const name of [...cut.wal].sort()) wal.set(name, stored.get(name) ?? notStored(name));
  for (const { tenant, block } of cut.damaged) {
    if (cut.tenants.get(tenant)?.live.has(block)) continue;
    for (const known of namedBy(previous.manifest, tenant, block)) {
      const union = unionOf(wal.get(walName(known)), previous.soundPages(known));
      if (union.pages.length > 0) wal.set(walName(known), union);
    }
  }
  return wal;
}

/** Whether the point has a copy of what is damaged in a WAL block. */
export function hasPagesOf(damage: Damage, wal: ReadonlyMap<string, WalBlock>, previous: PreviousPoint): boolean {
  const { tenant, block, page } = damage;
  const pages = [...wal.values()]
    .filter((one) => one.id === block && one.tenant === tenant)
    .flatMap((one) => one.pages);
  const names = new Set(pages.map(({ name }) => name));
  const known = namedBy(previous.manifest, tenant, block).flatMap((one) => one.pages);
  return names.size > 0 && (page === undefined || names.has(page)) && known.every(({ name }) => names.has(name));
}

export interface TenantWalChange {
  readonly tenant: string;
  readonly cut: CutToCommit;
  /** Names of the WAL blocks of the point to be. */
  readonly wal: ReadonlySet<string>;
  readonly after: readonly IndexedBlock[];
  readonly retention: number | undefined;
}

/**
 * The WAL blocks that vanished without explanation: Tempo removes without a word what it can't replay. Explained are those that are a block
 * by now, those past the retention, and those that a new block covers, as theirs may have been compacted and deleted since.
 */
export async function unexplainedWal(change: TenantWalChange, previous: PreviousPoint): Promise<WalBlock[]> {
  const { tenant, cut } = change;
  const isThere = (block: WalBlock): boolean =>
    change.wal.has(walName(block)) ||
    change.after.some(({ id }) => id === block.id) ||
    cut.tenants.get(tenant)?.live.has(block.id) === true ||
    cut.tenants.get(tenant)?.compacted.has(block.id) === true ||
    cut.damaged.some((damage) => damage.tenant === tenant && damage.block === block.id);
  const unexplained = new Map<string, WalBlock>();
  const found = new Set<string>();
  for (const point of ['manifest', 'baseline'] as const) {
    const named = namedBy(previous[point], tenant).filter((block) => !found.has(walName(block)));
    for (const block of named) found.add(walName(block));
    const vanished = named.filter((block) => !isThere(block));
    if (vanished.length === 0) continue;
    const before = await (point === 'manifest' ? previous.newestBlocks(tenant) : previous.baselineBlocks(tenant));
    const came = change.after.filter(({ id }) => !before.has(id));
    const cutAt = Date.parse(previous[point]?.cutAt ?? '');
    for (const block of vanished) {
      if (!isExplained(block, came, { ...change, knownAt: cutAt })) unexplained.set(walName(block), block);
    }
  }
  return [...unexplained.values()];
}

function isExplained(
  block: WalBlock,
  came: readonly IndexedBlock[],
  { cut, retention, knownAt }: TenantWalChange & { readonly knownAt: number },
): boolean {
  const times = timesOf(block);
  if ((times?.end ?? knownAt) < oldestKept(cut.cutAt, retention)) return true;
  return came.some(({ start, end }) => !times || (Date.parse(start) <= times.start && Date.parse(end) >= times.end));
}

/** Undefined where its meta.json has none: it had been lost, and what stands in for it counts no objects. */
function timesOf({ meta }: WalBlock): { readonly start: number; readonly end: number } | undefined {
  const { data } = timesSchema.safeParse(parsed(meta));
  if (!data || data.totalObjects === 0) return undefined;
  return { start: data.startTime, end: data.endTime };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function namedBy(manifest: Manifest | undefined, tenant: string, id?: string): WalBlock[] {
  return manifest?.wal.filter((block) => block.tenant === tenant && (id === undefined || block.id === id)) ?? [];
}

function unionOf(now: WalBlock | undefined, known: WalBlock): WalBlock {
  const pages = new Map([...known.pages, ...(now?.pages ?? [])].map((page) => [page.name, page]));
  return { ...(now ?? known), pages: [...pages.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

function notStored(name: string): never {
  throw new Error(`commit recovery point: WAL block '${name}' is in the cut but was never stored`);
}
