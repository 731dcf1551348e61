import type { Damage, IndexedBlock, TenantIndex, TenantSummary, WalBlock } from '../../../lib/contract/manifest';
import { FORMAT_VERSION } from '../../../lib/contract/manifest';
import { walName } from '../layout-guard';
import type { CutToCommit, TenantToCommit } from './block-to-store';
import { fingerprint, fingerprintOfIds } from './fingerprint';
import type { PreviousPoint } from './previous-point';
import { unexplained } from './regression';
import { assembleWal, hasPagesOf, unexplainedWal } from './wal-assembly';

const EXAMPLES = 3;

/** One tenant of the point to be: a new list of blocks, or the summary of the unchanged one. */
export interface TenantDraft {
  readonly tenant: string;
  readonly compacted: ReadonlySet<string>;
  readonly unchanged: TenantSummary | undefined;
  /** See `TenantSummary.ids`. */
  readonly ids?: string | undefined;
  /** Empty when unchanged. */
  readonly blocks: readonly IndexedBlock[];
}

export interface Drafts {
  readonly tenants: readonly TenantDraft[];
  readonly wal: readonly WalBlock[];
  /** What the source holds and the point lacks, in sentences. */
  readonly holes: readonly string[];
}

/** What this run stored, by tenant and block ID, and by the name of the WAL block. */
export interface Stored {
  readonly blocks: ReadonlyMap<string, ReadonlyMap<string, IndexedBlock>>;
  readonly wal: ReadonlyMap<string, WalBlock>;
}

/** Puts together what was stored now, what is known, and what the previous point keeps of damaged blocks. */
export async function assemble(cut: CutToCommit, stored: Stored, previous: PreviousPoint): Promise<Drafts> {
  const wal = assembleWal(cut, stored.wal, previous);
  const kept = await keptInstead(cut, previous, wal);
  const tenants: TenantDraft[] = [];
  for (const tenant of new Set([...cut.tenants.keys(), ...kept.blocks.keys()])) {
    const toCommit = cut.tenants.get(tenant) ?? { live: new Map(), compacted: new Set() };
    const draft = await draftOf(tenant, toCommit, { stored, previous, kept: kept.blocks.get(tenant) ?? [] });
    tenants.push(draft);
  }
  return { tenants, wal: [...wal.values()], holes: kept.holes };
}

/** Sentences on the WAL blocks that vanished without explanation, one for each tenant. */
export async function walRegressions(
  cut: CutToCommit,
  drafts: Drafts,
  context: { readonly previous: PreviousPoint; readonly retention: (tenant: string) => number | undefined },
): Promise<string[]> {
  const { previous, retention } = context;
  const named = [previous.manifest, previous.baseline].flatMap((manifest) => manifest?.wal ?? []);
  const wal = new Set(drafts.wal.map(walName));
  const sentences: string[] = [];
  for (const tenant of new Set(named.filter((block) => !wal.has(walName(block))).map((block) => block.tenant))) {
    const draft = drafts.tenants.find((candidate) => candidate.tenant === tenant);
    const after = draft?.unchanged ? [...(await previous.newestBlocks(tenant)).values()] : (draft?.blocks ?? []);
    const change = { tenant, cut, wal, after, retention: retention(tenant) };
    const vanished = await unexplainedWal(change, previous);
    if (vanished.length > 0) sentences.push(sentenceOn(tenant, vanished, 'WAL block'));
  }
  return sentences;
}

/** Sentences on the blocks that vanished without explanation, one for each tenant. */
export async function regressions(
  cut: CutToCommit,
  drafts: readonly TenantDraft[],
  context: {
    readonly previous: PreviousPoint;
    readonly retention: (tenant: string) => number | undefined;
    readonly isRetentionCertain: boolean;
  },
): Promise<string[]> {
  const { previous, retention, isRetentionCertain } = context;
  const sentences: string[] = [];
  for (const tenant of new Set([...previous.tenants(), ...drafts.map((draft) => draft.tenant)])) {
    const draft = drafts.find((candidate) => candidate.tenant === tenant);
    if (draft?.unchanged && !previous.baseline) continue;
    const newest = await previous.newestBlocks(tenant);
    const baseline = await previous.baselineBlocks(tenant);
    if (previous.isUnreadable(tenant)) {
      sentences.push(
        `the list of blocks of tenant '${tenant}' in the previous point is damaged, so nobody can tell what vanished`,
      );
    }
    const after = draft?.unchanged ? [...(await previous.newestBlocks(tenant)).values()] : (draft?.blocks ?? []);
    const compacted = cut.tenants.get(tenant)?.compacted ?? new Set();
    const change = { after, compacted, cutAt: cut.cutAt, retention: retention(tenant), isRetentionCertain };
    // Apart, because what explained a block of the baseline may be in the newest point already.
    const sinceBaseline = unexplained({ ...change, before: baseline }).filter(({ id }) => !newest.has(id));
    const vanished = [...unexplained({ ...change, before: newest }), ...sinceBaseline];
    if (vanished.length > 0) sentences.push(sentenceOn(tenant, vanished));
  }
  return sentences;
}

/** The tenant's list of blocks as it is stored. */
export function indexOf({ tenant, blocks }: TenantDraft): TenantIndex {
  return { format: FORMAT_VERSION, tenant, blocks: [...blocks].sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

export function totalsOf(blocks: readonly IndexedBlock[]): Omit<TenantSummary, 'index' | 'tenant'> {
  let bytes = 0;
  let objects = 0;
  let oldest: string | null = null;
  let newest: string | null = null;
  for (const block of blocks) {
    for (const [, size] of block.files) bytes += size;
    objects += block.objects;
    if (oldest === null || Date.parse(block.start) < Date.parse(oldest)) oldest = block.start;
    if (newest === null || Date.parse(block.end) > Date.parse(newest)) newest = block.end;
  }
  return {
    fingerprint: fingerprint(blocks.map(({ id, seen }) => [id, seen])),
    blocks: blocks.length,
    bytes,
    objects,
    oldest,
    newest,
  };
}

interface Kept {
  readonly blocks: Map<string, IndexedBlock[]>;
  readonly holes: string[];
}

async function keptInstead(
  cut: CutToCommit,
  previous: PreviousPoint,
  wal: ReadonlyMap<string, WalBlock>,
): Promise<Kept> {
  const kept: Kept = { blocks: new Map(), holes: [] };
  const seen = new Set<string>();
  for (const damage of cut.damaged) {
    const { tenant, block, page = '' } = damage;
    if (seen.has(`${tenant}/${block}/${page}`) || cut.tenants.get(tenant)?.live.has(block)) continue;
    seen.add(`${tenant}/${block}/${page}`);
    const entry = (await previous.soundBlocks(tenant)).get(block);
    const ofTenant = kept.blocks.get(tenant) ?? [];
    if (entry && !ofTenant.includes(entry)) kept.blocks.set(tenant, [...ofTenant, entry]);
    if (!entry && !hasPagesOf(damage, wal, previous)) kept.holes.push(holeFor(damage));
  }
  return kept;
}

function holeFor({ tenant, block, reason }: Damage): string {
  return `block '${block}' of tenant '${tenant}' is damaged at the source and in no earlier point: ${reason}`;
}

async function draftOf(
  tenant: string,
  { live, compacted, isUnchanged = false }: TenantToCommit,
  context: { readonly stored: Stored; readonly previous: PreviousPoint; readonly kept: readonly IndexedBlock[] },
): Promise<TenantDraft> {
  const { previous, kept } = context;
  const same = isUnchanged ? previous.summary(tenant) : previous.unchanged(tenant, live);
  const unchanged = kept.length === 0 ? same : undefined;
  if (unchanged) return { tenant, compacted, unchanged, blocks: [] };
  const stored = context.stored.blocks.get(tenant);
  const known = await previous.soundBlocks(tenant);
  const blocks = Array.from(live, ([id, seen]) => {
    // Of blocks that nobody looked at, the states mean nothing.
    const entry = isUnchanged
      ? known.get(id)
      : [stored?.get(id), known.get(id)].find((candidate) => candidate?.seen === seen);
    return entry ?? notStored(`block '${id}' of tenant '${tenant}'`);
  });
  // Where a block is damaged, what is in its place has its ID.
  const ids = kept.length === 0 ? fingerprintOfIds(live.keys()) : undefined;
  return { tenant, compacted, unchanged: undefined, ids, blocks: [...blocks, ...kept] };
}

function sentenceOn(tenant: string, vanished: readonly { readonly id: string }[], noun = 'block'): string {
  const examples = vanished.slice(0, EXAMPLES).map(({ id }) => id);
  const more = vanished.length > EXAMPLES ? ', …' : '';
  const blocks = vanished.length === 1 ? `1 ${noun}` : `${vanished.length} ${noun}s`;
  return `${blocks} of tenant '${tenant}' vanished without explanation (${examples.join(', ')}${more})`;
}

function notStored(what: string): never {
  throw new Error(`commit recovery point: ${what} is in the cut but was never stored`);
}
