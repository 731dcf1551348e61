import { type BlockMeta, parseBlockMeta } from './block-meta';

/** What tells, without its traces, whether a block can have been made of another one. Times in milliseconds since 1970. */
export interface BlockExtent {
  readonly start: number;
  readonly end: number;
  readonly level: number;
}

/** Undefined when the meta.json can't be read. */
export function extentIn(metaBytes: Buffer): BlockExtent | undefined {
  let meta: BlockMeta;
  try {
    meta = parseBlockMeta(metaBytes);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
  const { startTime, endTime, compactionLevel } = meta;
  return { start: Date.parse(startTime), end: Date.parse(endTime), level: compactionLevel };
}

/**
 * Whether a compaction that the block was part of may have made the successor, or one that the successor's parts were part of. Numbers of
 * traces tell nothing: of a block from which somebody dropped a trace, the successor has one fewer.
 */
export function covers(successor: BlockExtent, block: BlockExtent): boolean {
  return successor.level > block.level && successor.start <= block.start && successor.end >= block.end;
}
