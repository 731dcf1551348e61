import { createHash, getFips } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { z } from 'zod';
import { InterruptedError, RunnerError } from '../../errors';
import type { Bucket, BucketObject } from '../../storage/bucket';

export const TENANT_INDEX = 'index.json.gz';
const MIB = 1024 * 1024;
/** What is larger isn't used: some 25,000 blocks. Parsed, it takes several times as much memory. */
const UNFOLDED_LIMIT = 8 * MIB;
/** For fewer blocks, an index costs more than the meta.json of each. */
const BLOCKS_WORTH_AN_INDEX = 4;

const unfold = promisify(gunzip);
const tenantIndex = z.object({ meta: z.array(z.unknown()) });
const identified = z.object({ blockID: z.string() });

/** The text of a meta.json by the ID of its block. */
type Metas = ReadonlyMap<string, string>;

/**
 * Spares reading the meta.json of many blocks: Tempo writes those of a tenant into one index at each poll, as they are. Which blocks there are,
 * and which are live, is never taken from there; and of a block only what has the ETag of its meta.json, which is the MD5 of its bytes. So what
 * is old, damaged or missing in an index costs requests, and nothing else, as do ETags of another kind.
 */
export class TenantIndexes {
  private readonly asked = new Map<string, number>();
  private readonly metas = new Map<string, Promise<Metas>>();
  private reading: Promise<unknown> = Promise.resolve();

  constructor(private readonly bucket: Bucket) {}

  /** The bytes of a meta.json as it was listed; undefined when they have to be read. */
  async metaOf(
    index: BucketObject | undefined,
    block: { readonly id: string; readonly meta: BucketObject },
  ): Promise<Buffer | undefined> {
    if (!index || getFips() === 1) return undefined;
    const asked = (this.asked.get(index.key) ?? 0) + 1;
    this.asked.set(index.key, asked);
    if (asked <= BLOCKS_WORTH_AN_INDEX) return undefined;
    const metas = this.metas.get(index.key) ?? this.readNext(index);
    this.metas.set(index.key, metas);
    const bytes = Buffer.from((await metas).get(block.id) ?? '');
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    return bytes.length === block.meta.size && etag === block.meta.etag ? bytes : undefined;
  }

  /** One at a time, for what it takes in memory. */
  private readNext(index: BucketObject): Promise<Metas> {
    const next = this.reading.then(() => this.read(index));
    this.reading = next.catch(() => undefined);
    return next;
  }

  private async read({ key, size }: BucketObject): Promise<Metas> {
    if (size > UNFOLDED_LIMIT) return new Map();
    try {
      const found = await this.bucket.get(key, UNFOLDED_LIMIT);
      return found ? await metasIn(found.bytes) : new Map();
    } catch (error) {
      if (!(error instanceof RunnerError) || error instanceof InterruptedError) throw error;
      return new Map();
    }
  }
}

async function metasIn(bytes: Buffer): Promise<Metas> {
  let value: unknown;
  try {
    value = JSON.parse((await unfold(bytes, { maxOutputLength: UNFOLDED_LIMIT })).toString('utf8'));
  } catch {
    // No gzip, too large, or no JSON.
    return new Map();
  }
  const { data } = tenantIndex.safeParse(value);
  const metas = new Map<string, string>();
  for (const meta of data?.meta ?? []) {
    const { data: block } = identified.safeParse(meta);
    if (block) metas.set(block.blockID, JSON.stringify(meta));
  }
  return metas;
}
