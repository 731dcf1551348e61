import { z } from 'zod';

// Tempo's JSON encoder leaves out zero values since 3.0, and older releases lack fields that newer ones have.
const count = z.number().int().nonnegative().default(0);
const text = z.string().default('');
const instant = z.iso.datetime({ offset: true });

const blockMeta = z.object({
  format: z.string().min(1),
  blockID: z.uuid(),
  tenantID: text,
  startTime: instant,
  endTime: instant,
  totalObjects: count,
  /** Bytes of data.parquet; 0 in a WAL block. */
  size: count,
  compactionLevel: count,
  encoding: text,
  dataEncoding: text,
  totalRecords: count,
  bloomShards: count.pipe(z.number().max(100_000)),
  /** Bytes of the parquet footer; 0 in a WAL block and in blocks of formats without one. */
  footerSize: count,
  /** 1 for blocks that hold each trace once; 0 for those that an ingester of 2.x wrote. */
  replicationFactor: count,
});

/** What a block says of itself, as far as it matters here; `SourceBlock.metaSource` has all of it. */
export type BlockMeta = z.infer<typeof blockMeta>;

/** Larger than any meta.json that a Tempo writes, small enough to read whatever lies there. */
export const META_SIZE_LIMIT = 1024 * 1024;

/** Reads a meta.json of Tempo 2.9 to 3.0. Throws on what is partial or isn't a block's meta.json. */
export function parseBlockMeta(bytes: Buffer): BlockMeta {
  const value: unknown = JSON.parse(bytes.toString('utf8'));
  const result = blockMeta.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new SyntaxError(`'${issue?.path.join('.') ?? ''}' ${issue?.message ?? 'is invalid'}`);
}
