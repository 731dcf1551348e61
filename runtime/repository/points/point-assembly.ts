import type { Damage, IndexedBlock, TenantIndex, TenantSummary, WalBlock } from '../../../lib/contract/manifest';
import { FORMAT_VERSION } from '../../../lib/contract/manifest';
import { walName } from '../layout-guard';
import type { CutToCommit, TenantToCommit } from './block-to-store';
import { fingerprint } from './fingerprint';
import type { PreviousPoint } from './previous-point';
import { unexplained } from './regression';

const EXAMPLES = 3;

/** One tenant of the point to be: a new list of blocks, or the summary of the unchanged one. */
export interface TenantDraft {
  readonly tenant: string;
  readonly compacted: ReadonlySet<string>;
  readonly unchanged: TenantSummary | undefined;
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
  const kept = await keptInstead(cut, previous);
  const tenants: TenantDraft[] = [];
  for (const tenant of new Set([...cut.tenants.keys(), ...kept.blocks.keys()])) {
    const toCommit = cut.tenants.get(tenant) ?? { live: new Map(), compacted: new Set() };
    const draft = await draftOf(tenant, toCommit, { stored, previous, kept: kept.blocks.get(tenant) ?? [] });
    tenants.push(draft);
  }
  const wal = [...cut.wal]
    .sort()
    .map((name) => stored.wal.get(name) ?? kept.wal.get(name) ?? notStored(`WAL block '${name}'`));
  const keptWal = [...kept.wal].filter(([name]) => !cut.wal.has(name)).map(([, block]) => block);
  return { tenants, wal: [...wal, ...keptWal], holes: kept.holes };
}

/** Sentences on the blocks that vanished without explanation, one for each tenant. */
export async function regressions(
  cut: CutToCommit,
  drafts: readonly TenantDraft[],
  context: { readonly previous: PreviousPoint; readonly retention: (tenant: string) => number | undefined },
): Promise<string[]> {
  const { previous, retention } = context;
  const sentences: string[] = [];
  for (const tenant of new Set([...previous.tenants(), ...drafts.map((draft) => draft.tenant)])) {
    const draft = drafts.find((candidate) => candidate.tenant === tenant);
    if (draft?.unchanged && !previous.baseline) continue;
    const before = await previous.blocks(tenant);
    if (previous.isUnreadable(tenant)) {
      sentences.push(
        `the list of blocks of tenant '${tenant}' in the previous point is damaged, so nobody can tell what vanished`,
      );
    }
    const after = draft?.unchanged ? [...(await previous.newestBlocks(tenant)).values()] : (draft?.blocks ?? []);
    const compacted = cut.tenants.get(tenant)?.compacted ?? new Set();
    const vanished = unexplained({ before, after, compacted, cutAt: cut.cutAt, retention: retention(tenant) });
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
  readonly wal: Map<string, WalBlock>;
  readonly holes: string[];
}

async function keptInstead(cut: CutToCommit, previous: PreviousPoint): Promise<Kept> {
  const kept: Kept = { blocks: new Map(), wal: new Map(), holes: [] };
  const seen = new Set<string>();
  for (const damage of cut.damaged) {
    const { tenant, block } = damage;
    if (seen.has(`${tenant}/${block}`) || cut.tenants.get(tenant)?.live.has(block)) continue;
    seen.add(`${tenant}/${block}`);
    const entry = (await previous.blocks(tenant)).get(block);
    const wal = previous.manifest?.wal.filter((known) => known.id === block && known.tenant === tenant) ?? [];
    if (entry) kept.blocks.set(tenant, [...(kept.blocks.get(tenant) ?? []), entry]);
    for (const known of wal) kept.wal.set(walName(known), known);
    if (!entry && wal.length === 0) kept.holes.push(holeFor(damage));
  }
  return kept;
}

function holeFor({ tenant, block, reason }: Damage): string {
  return `block '${block}' of tenant '${tenant}' is damaged at the source and in no earlier point: ${reason}`;
}

async function draftOf(
  tenant: string,
  { live, compacted }: TenantToCommit,
  context: { readonly stored: Stored; readonly previous: PreviousPoint; readonly kept: readonly IndexedBlock[] },
): Promise<TenantDraft> {
  const { previous, kept } = context;
  const summary = previous.summary(tenant);
  if (kept.length === 0 && summary && fingerprint(live) === summary.fingerprint)
    return { tenant, compacted, unchanged: summary, blocks: [] };
  const stored = context.stored.blocks.get(tenant);
  const known = await previous.blocks(tenant);
  const blocks = Array.from(live, ([id, seen]) => {
    const entry = [stored?.get(id), known.get(id)].find((candidate) => candidate?.seen === seen);
    return entry ?? notStored(`block '${id}' of tenant '${tenant}'`);
  });
  return { tenant, compacted, unchanged: undefined, blocks: [...blocks, ...kept] };
}

function sentenceOn(tenant: string, vanished: readonly IndexedBlock[]): string {
  const examples = vanished.slice(0, EXAMPLES).map(({ id }) => id);
  const more = vanished.length > EXAMPLES ? ', …' : '';
  const blocks = vanished.length === 1 ? '1 block' : `${vanished.length} blocks`;
  return `${blocks} of tenant '${tenant}' vanished without explanation (${examples.join(', ')}${more})`;
}

function notStored(what: string): never {
  throw new Error(`commit recovery point: ${what} is in the cut but was never stored`);
}
