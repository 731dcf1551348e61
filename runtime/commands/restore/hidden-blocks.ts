import type { Damage } from '../../../lib/contract/manifest';
import type { GateInput } from '../../tempo/gates/gate-input';
import { isPastRetention } from '../../tempo/gates/gates';
import { type BlockExtent, covers } from '../../tempo/block/block-extent';
import type { PlannedFolder } from '../../tempo/target/target-folder';
import { gatedBlocks } from './restore-facts';
import type { Selection } from './restore-selection';

/** What a restore found of the selection where it goes. */
export interface FoundBlocks {
  readonly missing: readonly PlannedFolder[];
  readonly present: readonly PlannedFolder[];
  /** There, but marked as compacted: Tempo shows them no more. */
  readonly compacted: readonly PlannedFolder[];
  /** Other live blocks there, of each tenant that has compacted ones. */
  readonly beside: ReadonlyMap<string, readonly BlockExtent[]>;
}

/**
 * Those marked as compacted whose traces are in no live block, as far as times and levels tell: by a retention that was too
 * short, or as what they were compacted into was lost. A restore leaves them as they are, so it must not look as if they were back.
 */
export function hiddenBlocks(
  { blocks }: Selection,
  { missing, present, compacted, beside }: FoundBlocks,
): readonly PlannedFolder[] {
  if (compacted.length === 0) return [];
  const extents = new Map(
    blocks.map(({ block: { id, start, end, level } }) => [
      id,
      { start: Date.parse(start), end: Date.parse(end), level },
    ]),
  );
  const live = new Map([...beside].map(([tenant, others]) => [tenant, [...others]]));
  for (const { tenant, id } of [...missing, ...present]) {
    const extent = extents.get(id);
    if (extent) live.get(tenant)?.push(extent);
  }
  return compacted.filter(({ tenant, id }) => {
    const extent = extents.get(id);
    return !extent || !(live.get(tenant) ?? []).some((other) => covers(other, extent));
  });
}

/** One line for each tenant. What Tempo's retention has marked a gate speaks of; whoever lifts that knows that they are gone. */
export function hiddenDamage(
  selection: Selection,
  hidden: readonly PlannedFolder[],
  {
    intoTenant,
    remedy,
    ...gates
  }: Pick<GateInput, 'now' | 'target'> & {
    readonly intoTenant: string | undefined;
    readonly remedy: (first: PlannedFolder) => string;
  },
): Damage[] {
  const expired = gatedBlocks(selection, hidden, intoTenant).blocks.filter((block) => isPastRetention(block, gates));
  const names = new Set(expired.map(({ tenant, id }) => `${tenant}/${id}`));
  const tenants = new Map<string, PlannedFolder[]>();
  for (const folder of hidden.filter(({ tenant, id }) => !names.has(`${tenant}/${id}`)))
    tenants.set(folder.tenant, [...(tenants.get(folder.tenant) ?? []), folder]);
  return [...tenants].flatMap(([tenant, [first, ...others]]) =>
    first
      ? {
          tenant,
          block: '*',
          reason:
            `${others.length + 1} of its blocks are there marked as compacted, such as '${first.id}', and no live block covers them, ` +
            `so Tempo shows none of their traces: ${remedy(first)}, or restore them under another tenant with '--into-tenant'`,
        }
      : [],
  );
}
