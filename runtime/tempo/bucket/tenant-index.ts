import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { z } from 'zod';
import { InterruptedError, RunnerError } from '../../errors';
import type { Bucket, BucketObject } from '../../storage/bucket';
import { type BlockMeta, blockMetaOf } from '../block/block-meta';

export const TENANT_INDEX = 'index.json.gz';
const MIB = 1024 * 1024;
/** What is larger isn't used: some 100,000 blocks. */
const SIZE_LIMIT = 16 * MIB;
const UNFOLDED_LIMIT = 64 * MIB;
/** For fewer blocks, an index costs more than the meta.json of each. */
const BLOCKS_WORTH_AN_INDEX = 4;

const unfold = promisify(gunzip);
const tenantIndex = z.object({ meta: z.array(z.looseObject({ blockID: z.string() })).default([]) });

type Entries = ReadonlyMap<string, unknown>;

/**
 * What Tempo's own indexes say of blocks, so that not every meta.json has to be asked for. An index is as old as Tempo's last poll, so which
 * blocks there are, and which are live, is never taken from it; and of a block only what still fits to the files that a listing shows. An index
 * that is missing or can't be read costs requests, and nothing else.
 */
export class TenantIndexes {
  private readonly asked = new Map<string, number>();
  private readonly entries = new Map<string, Promise<Entries>>();

  constructor(private readonly bucket: Bucket) {}

  /** Undefined when the meta.json has to be read. */
  async metaOf(
    index: BucketObject | undefined,
    block: { readonly id: string; readonly meta: BucketObject },
  ): Promise<BlockMeta | undefined> {
    if (!index || block.meta.modifiedAt > index.modifiedAt) return undefined;
    const asked = (this.asked.get(index.key) ?? 0) + 1;
    this.asked.set(index.key, asked);
    if (asked <= BLOCKS_WORTH_AN_INDEX) return undefined;
    const entries = this.entries.get(index.key) ?? this.read(index);
    this.entries.set(index.key, entries);
    return parsed((await entries).get(block.id));
  }

  private async read({ key, size, etag }: BucketObject): Promise<Entries> {
    if (size > SIZE_LIMIT) return new Map();
    try {
      const found = await this.bucket.get(key, SIZE_LIMIT);
      // Another one came since: it may tell of blocks as they weren't listed.
      return found?.etag === etag ? await entriesOf(found.bytes) : new Map();
    } catch (error) {
      if (!(error instanceof RunnerError) || error instanceof InterruptedError) throw error;
      return new Map();
    }
  }
}

async function entriesOf(bytes: Buffer): Promise<Entries> {
  let value: unknown;
  try {
    value = JSON.parse((await unfold(bytes, { maxOutputLength: UNFOLDED_LIMIT })).toString('utf8'));
  } catch {
    // No gzip, too large, or no JSON.
    return new Map();
  }
  const { data } = tenantIndex.safeParse(value);
  return new Map(data?.meta.map((meta) => [meta.blockID, meta]));
}

function parsed(entry: unknown): BlockMeta | undefined {
  try {
    return entry === undefined ? undefined : blockMetaOf(entry);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
