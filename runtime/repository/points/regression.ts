import type { IndexedBlock } from '../../../lib/contract/manifest';

const HOUR = 60 * 60 * 1000;

/** Tempo's retention runs by its own clock, at each poll of its list of blocks. */
const RETENTION_MARGIN = HOUR;

/**
 * How many blocks a compaction makes one of, at most. Tempo 2.x takes up to four (`DefaultMaxInputBlocks`); twice that, so that another
 * release raises no false alarm. A block of level n replaces at most the n-th power of it.
 */
const INPUTS = 8;

export interface TenantChange {
  /** What the tenant had in the point that is compared with. */
  readonly before: ReadonlyMap<string, IndexedBlock>;
  readonly after: readonly IndexedBlock[];
  readonly compacted: ReadonlySet<string>;
  readonly cutAt: Date;
  /** Milliseconds that Tempo keeps this tenant's blocks; undefined when unknown or for ever. */
  readonly retention: number | undefined;
  /** Whether it is what Tempo goes by, and no guess. */
  readonly isRetentionCertain: boolean;
}

/**
 * The blocks that vanished without explanation. Explained are those past Tempo's retention, and those that a new block of a higher level
 * covers, as many as it can have been made of. What Tempo marked as compacted needs any block that may hold it: it is marked for its retention,
 * too, by a Tempo that was told a wrong one, and a listing that lags can show the mark before what it stands for.
 */
export function unexplained({
  before,
  after,
  compacted,
  cutAt,
  retention,
  isRetentionCertain,
}: TenantChange): IndexedBlock[] {
  const present = new Set(after.map(({ id }) => id));
  const gone = [...before.values()].filter(
    ({ id, end }) => !present.has(id) && Date.parse(end) >= oldestKept(cutAt, retention),
  );
  if (gone.length === 0) return [];
  const holders = after.filter(({ level }) => level > 0);
  const vanished = gone.filter(({ id }) => !compacted.has(id));
  const marked = gone.filter(({ id }) => compacted.has(id));
  const successors = holders.filter(({ id }) => !before.has(id)).map(extentOf);
  // Where nobody knows the retention for certain, it may be the reason.
  const lost = isRetentionCertain ? withoutHolder(marked, holders.map(extentOf)) : [];
  return [...withoutCovered(vanished, successors), ...lost];
}

/** The time, in milliseconds since 1970, from which on Tempo can't have expired a block that ends then. */
export function oldestKept(cutAt: Date, retention: number | undefined): number {
  return retention === undefined ? -Infinity : cutAt.getTime() - retention + RETENTION_MARGIN;
}

/** A block that traces were dropped from on purpose is marked, too, and what replaces it has fewer. */
function withoutHolder(marked: readonly IndexedBlock[], holders: readonly Extent[]): IndexedBlock[] {
  return marked.filter((block) => {
    const extent = extentOf(block);
    return !holders.some((holder) => spans(holder, extent));
  });
}

/** Gives each block to a successor with room for it; those that few successors cover choose first, so that no other takes their place. */
function withoutCovered(vanished: readonly IndexedBlock[], successors: readonly Extent[]): IndexedBlock[] {
  const rooms = successors.map((successor) => ({ successor, room: weightOf(successor) }));
  const waiting = vanished.map((block) => {
    const extent = extentOf(block);
    return { extent, choices: successors.filter((successor) => covers(successor, extent)).length };
  });
  const unplaced = new Set<Extent>();
  for (const { extent } of waiting.toSorted((a, b) => a.choices - b.choices)) {
    let best: (typeof rooms)[number] | undefined;
    for (const place of rooms) if (covers(place.successor, extent) && place.room > (best?.room ?? 0)) best = place;
    if (best && best.room >= weightOf(extent)) best.room -= weightOf(extent);
    else unplaced.add(extent);
  }
  return vanished.filter((_, position) => {
    const extent = waiting[position]?.extent;
    return extent !== undefined && unplaced.has(extent);
  });
}

function weightOf({ level }: Extent): number {
  return INPUTS ** level;
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
  return spans(successor, block) && successor.objects >= block.objects;
}

function spans(successor: Extent, block: Extent): boolean {
  return successor.level > block.level && successor.start <= block.start && successor.end >= block.end;
}
