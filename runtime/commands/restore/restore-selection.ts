import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import type { Damage, IndexedBlock, Manifest, TenantSummary, WalBlock } from '../../../lib/contract/manifest';
import { UsageError } from '../../errors';
import { isDamage, type Repository } from '../../repository/repository';
import { parseBlockMeta } from '../../tempo/block/block-meta';

export interface SelectedBlock {
  readonly tenant: string;
  readonly block: IndexedBlock;
}

export interface SelectedWalBlock {
  readonly block: WalBlock;
  readonly start: Date;
  readonly end: Date;
}

export interface Selection {
  readonly blocks: readonly SelectedBlock[];
  readonly wal: readonly SelectedWalBlock[];
  /** Lists of blocks and WAL blocks that can't be read, so that nobody knows whether they belong to the selection. */
  readonly damaged: readonly Damage[];
}

export type Filters = Pick<RestoreOptions, 'scope' | 'tenant' | 'from' | 'to' | 'block' | 'traceId' | 'intoTenant'>;

/** The blocks of a point that all given filters let through. Throws `UsageError` when a filter names what isn't there. */
export async function selectBlocks(repository: Repository, manifest: Manifest, filters: Filters): Promise<Selection> {
  checkTenants(manifest, filters.tenant);
  const damaged: Damage[] = [];
  const blocks: SelectedBlock[] = [];
  for (const summary of filters.scope === 'wal'
    ? []
    : manifest.tenants.filter(({ tenant }) => wanted(filters.tenant, tenant))) {
    for (const block of await readIndex(repository, summary, damaged)) blocks.push({ tenant: summary.tenant, block });
  }
  const wal = filters.scope === 'data' ? [] : manifest.wal.filter(({ tenant }) => wanted(filters.tenant, tenant));
  const readable = wal.flatMap((block) => withTimes(block, damaged));
  checkBlocks(manifest, [...blocks.map(({ block }) => block.id), ...wal.map(({ id }) => id)], { filters, damaged });
  return {
    blocks: blocks.filter(
      ({ block }) => wanted(filters.block, block.id) && overlaps(filters, new Date(block.start), new Date(block.end)),
    ),
    wal: readable.filter(({ block, start, end }) => wanted(filters.block, block.id) && overlaps(filters, start, end)),
    damaged,
  };
}

/** Throws when nothing is selected: a restore of nothing must not look like one that worked. */
export function refuseEmptySelection(manifest: Manifest, filters: Filters, selection: Selection): void {
  if (selection.blocks.length > 0 || selection.wal.length > 0 || selection.damaged.length > 0) return;
  const given = describe(filters);
  throw new UsageError(
    `restore recovery point '${manifest.id}': it has nothing ${given === '' ? 'to restore' : `that matches ${given}`}; it has ${content(manifest)}`,
  );
}

/** The one tenant whose data is restored under another name. */
export function checkIntoTenant(filters: Filters, { blocks, wal }: Selection): void {
  if (filters.intoTenant === undefined) return;
  const tenants = [...new Set([...blocks.map(({ tenant }) => tenant), ...wal.map(({ block }) => block.tenant)])].sort();
  if (tenants.length <= 1) return;
  throw new UsageError(
    `restore into tenant '${filters.intoTenant}': the selection has ${tenants.length} tenants, ${quoted(tenants)}; choose one with --tenant`,
  );
}

async function readIndex(
  repository: Repository,
  summary: TenantSummary,
  damaged: Damage[],
): Promise<readonly IndexedBlock[]> {
  try {
    return (await repository.index(summary)).blocks;
  } catch (error) {
    // One tenant's damaged list must not keep the others from coming back.
    if (!isDamage(error)) throw error;
    damaged.push({ tenant: summary.tenant, block: '*', reason: error.message });
    return [];
  }
}

function withTimes(block: WalBlock, damaged: Damage[]): SelectedWalBlock[] {
  try {
    const meta = parseBlockMeta(Buffer.from(block.meta));
    return [{ block, start: new Date(meta.startTime), end: new Date(meta.endTime) }];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    damaged.push({
      tenant: block.tenant,
      block: block.id,
      reason: `the meta.json of this WAL block can't be read: ${error.message}`,
    });
    return [];
  }
}

function checkTenants(manifest: Manifest, tenants: readonly string[]): void {
  const known = tenantsOf(manifest);
  const unknown = tenants.find((tenant) => !known.includes(tenant));
  if (unknown === undefined) return;
  throw new UsageError(
    `restore recovery point '${manifest.id}': '--tenant' names '${unknown}', which it doesn't have; it has ${content(manifest)}`,
  );
}

function checkBlocks(
  manifest: Manifest,
  ids: readonly string[],
  { filters, damaged }: { filters: Filters; damaged: readonly Damage[] },
): void {
  const known = new Set([...ids, ...damaged.map(({ block }) => block)]);
  const unknown = filters.block.find((id) => !known.has(id) && !known.has('*'));
  if (unknown === undefined) return;
  const where = filters.tenant.length > 0 ? ` for ${describe({ ...filters, block: [] })}` : '';
  throw new UsageError(
    `restore recovery point '${manifest.id}': it has no block '${unknown}'${where}; 'show' lists what it has`,
  );
}

function wanted(filter: readonly string[], value: string): boolean {
  return filter.length === 0 || filter.includes(value);
}

function overlaps({ from, to }: Filters, start: Date, end: Date): boolean {
  return (from === undefined || end >= from) && (to === undefined || start <= to);
}

function describe({ scope, tenant, from, to, block, traceId }: Filters): string {
  const given = [
    scope === 'all' ? '' : `--scope ${scope}`,
    ...tenant.map((name) => `--tenant ${name}`),
    from ? `--from ${from.toISOString()}` : '',
    to ? `--to ${to.toISOString()}` : '',
    ...block.map((id) => `--block ${id}`),
    traceId === undefined ? '' : `--trace-id ${traceId}`,
  ];
  return given.filter((text) => text !== '').join(' ');
}

function content(manifest: Manifest): string {
  const tenants = tenantsOf(manifest);
  if (tenants.length === 0) return 'no data at all';
  const starts = manifest.tenants.flatMap(({ oldest }) => oldest ?? []).sort();
  const ends = manifest.tenants.flatMap(({ newest }) => newest ?? []).sort();
  const blocks = manifest.tenants.reduce((sum, each) => sum + each.blocks, 0);
  const range = starts[0] === undefined ? '' : ` from ${starts[0]} to ${ends.at(-1) ?? ''}`;
  return `${blocks} blocks${range} and ${manifest.wal.length} WAL blocks of ${quoted(tenants)}`;
}

function tenantsOf(manifest: Manifest): string[] {
  return [
    ...new Set([...manifest.tenants.map(({ tenant }) => tenant), ...manifest.wal.map(({ tenant }) => tenant)]),
  ].sort();
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
