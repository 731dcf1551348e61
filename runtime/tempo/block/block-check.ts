import type { ByteSource } from '../../storage/storage';
import type { BlockMeta } from './block-meta';

const MAGIC = 'PAR1';
const BLOOM_HEADER = 24;
// The shortest parquet file: the magic, an empty footer, its length, the magic again.
const SHORTEST_PARQUET = 12;

/** Why a block isn't whole, in words that follow its name; undefined when it is. Reads a few bytes of each file. */
export async function findBlockDefect(
  meta: BlockMeta,
  files: ReadonlyMap<string, ByteSource>,
): Promise<string | undefined> {
  if (!meta.format.startsWith('vParquet')) return `has the format '${meta.format}', whose files aren't known here`;
  const data = files.get('data.parquet');
  if (!data) return 'has no data.parquet';
  if (data.size !== meta.size) return `has a data.parquet of ${data.size} bytes, its meta.json says ${meta.size}`;
  const defect = await findParquetDefect(data, meta.footerSize);
  if (defect !== undefined) return `has a data.parquet that ${defect}`;
  return findBloomDefect(meta.bloomShards, files);
}

/** Why a file isn't a whole parquet file; undefined when its head and its tail say that it is. */
export async function findParquetDefect(file: ByteSource, footerSize = 0): Promise<string | undefined> {
  if (file.size < SHORTEST_PARQUET) return `has only ${file.size} bytes`;
  const head = Buffer.alloc(4);
  const tail = Buffer.alloc(8);
  await Promise.all([file.read(0, head), file.read(file.size - tail.length, tail)]);
  if (head.toString('latin1') !== MAGIC) return `doesn't begin with ${MAGIC}`;
  if (tail.toString('latin1', 4) !== MAGIC) return `doesn't end with ${MAGIC}`;
  const footer = tail.readUInt32LE(0);
  if (footer > file.size - SHORTEST_PARQUET)
    return `names a footer of ${footer} bytes, it has only ${file.size} in all`;
  if (footerSize > 0 && footer !== footerSize) return `has a footer of ${footer} bytes, meta.json says ${footerSize}`;
  return undefined;
}

async function findBloomDefect(shards: number, files: ReadonlyMap<string, ByteSource>): Promise<string | undefined> {
  for (let shard = 0; shard < shards; shard++) {
    const bloom = files.get(`bloom-${shard}`);
    if (!bloom) return `has no bloom-${shard}, of ${shards}`;
    const expected = await bloomSize(bloom);
    if (bloom.size !== expected) return `has a bloom-${shard} of ${bloom.size} bytes, its header says ${expected}`;
  }
  return undefined;
}

/**
 * Bits, hash functions, and again bits, each as 8 bytes big-endian, before the bits in words of 64.
 *
 * @see https://github.com/bits-and-blooms/bloom `WriteTo`
 */
async function bloomSize(bloom: ByteSource): Promise<number> {
  if (bloom.size < BLOOM_HEADER) return BLOOM_HEADER;
  const header = Buffer.alloc(BLOOM_HEADER);
  await bloom.read(0, header);
  const bits = Number(header.readBigUInt64BE(16));
  return BLOOM_HEADER + Math.ceil(bits / 64) * 8;
}
