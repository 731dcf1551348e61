import type { IndexedBlock } from '../../../lib/contract/manifest';

const HOUR = 60 * 60 * 1000;

/** Tempo's retention runs by its own clock, at each poll of its list of blocks. */
const RETENTION_MARGIN = HOUR;

export interface TenantChange {
  /** What the tenant had before: the newest point's blocks, and those of the point that later ones are compared with. */
  readonly before: ReadonlyMap<string, IndexedBlock>;
  readonly after: readonly IndexedBlock[];
  readonly compacted: ReadonlySet<string>;
  readonly cutAt: Date;
  /** Milliseconds that Tempo keeps this tenant's blocks; undefined when unknown or for ever. */
  readonly retention: number | undefined;
}

/**
 * The blocks that vanished without explanation. Explained are those that Tempo marked as compacted, those past its retention, and those
 * that a new block of a higher level covers.
 */
export function unexplained({ before, after, compacted, cutAt, retention }: TenantChange): IndexedBlock[] {
  const present = new Set(after.map(({ id }) => id));
  const vanished = [...before.values()].filter(({ id }) => !present.has(id) && !compacted.has(id));
  if (vanished.length === 0) return [];
  const oldestKept = retention === undefined ? -Infinity : cutAt.getTime() - retention + RETENTION_MARGIN;
  const successors = after.filter(({ id, level }) => !before.has(id) && level > 0).map(extentOf);
  return vanished.filter((block) => {
    const extent = extentOf(block);
    return extent.end >= oldestKept && !successors.some((successor) => covers(successor, extent));
  });
}

interface Extent {
  readonly start: number;
  readonly end: number;
  readonly objects: number;
  readonly level: number;
}

function extentOf({ start, end, objects, level }: IndexedBlock): Extent {
  return { start: Date.parse(start), end: Date.parse(end), objects, level };
}

function covers(successor: Extent, block: Extent): boolean {
  return (
    successor.level > block.level &&
    successor.start <= block.start &&
    successor.end >= block.end &&
    successor.objects >= block.objects
  );
}
