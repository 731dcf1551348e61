import type { Bucket, BucketObject } from '../../storage/bucket';
import { bytesInMemory, type ByteSource } from '../../storage/storage';
import { type BlockMeta, META_SIZE_LIMIT, parseBlockMeta } from '../block/block-meta';
import { type SourceBlock, SourceChangedError, SourceDamagedError, type SourceFile } from '../source/source-block';
import { type ListedFiles, stateOf } from './bucket-scan';

const META = 'meta.json';
const DATA = 'data.parquet';
/** How long ago a file was written at most for the block to count as being written. */
const RECENT_MS = 10_000;

interface Place {
  readonly tenant: string;
  readonly id: string;
  /** See `SourceBlock.listedAt`. */
  readonly listedAt: number;
}

/**
 * A block in a bucket. An object there is whole or absent, so sizes say what the bytes would; and each file is read or copied only while it has
 * the ETag that was listed, so no version is mixed with another.
 */
export class BucketBlock implements SourceBlock {
  /**
   * Reads the meta.json, unless its bytes are known. Throws `SourceChangedError` when it isn't as it was listed, `SourceDamagedError` when the
   * block isn't whole.
   */
  static async open(bucket: Bucket, place: Place, files: ListedFiles, metaBytes?: Buffer): Promise<BucketBlock> {
    const listed = files.get(META);
    if (!listed) throw new SourceChangedError(`'${place.tenant}/${place.id}' vanished`);
    if (listed.size > META_SIZE_LIMIT)
      throw new SourceDamagedError(`has a meta.json of more than ${META_SIZE_LIMIT} bytes`);
    const bytes = metaBytes ?? (await readAsListed(bucket, listed));
    const block = new BucketBlock(bucket, place, { bytes, meta: parsed(bytes), files, listed });
    block.check();
    return block;
  }

  readonly tenant: string;
  readonly id: string;
  readonly seen: string;
  readonly meta: BlockMeta;
  readonly metaSource: ByteSource;
  readonly listedAt: number;
  readonly files: readonly SourceFile[];
  /** The first error of a file that isn't as it was listed, so that it is found however the reader wraps it. */
  failure: SourceChangedError | undefined;
  private readonly listed: ListedFiles;

  private constructor(
    bucket: Bucket,
    place: Place,
    content: {
      readonly bytes: Buffer;
      readonly meta: BlockMeta;
      readonly files: ListedFiles;
      /** Its meta.json. */
      readonly listed: BucketObject;
    },
  ) {
    const { bytes, meta, files, listed } = content;
    this.tenant = place.tenant;
    this.id = place.id;
    this.listedAt = place.listedAt;
    this.meta = meta;
    this.listed = files;
    this.seen = stateOf(files);
    const sourceOf = (object: BucketObject): ByteSource => bucket.source(object, () => this.changed(object));
    this.metaSource = { ...sourceOf(listed), ...bytesInMemory(bytes) };
    this.files = [...files]
      .filter(([name]) => name !== META)
      .map(([name, object]) => ({ name, source: sourceOf(object) }));
  }

  async confirm(): Promise<void> {
    // Every file was compared with the listing when it was read or copied; what changed since shows in the next scan.
  }

  /** Whether Tempo may be writing it again: then the meta.json, which comes last, is older than what was written already. */
  isBeingWritten(now: number): boolean {
    const metaAt = this.listed.get(META)?.modifiedAt.getTime() ?? 0;
    return [...this.listed.values()].some(
      ({ modifiedAt }) => modifiedAt.getTime() > metaAt && now - modifiedAt.getTime() < RECENT_MS,
    );
  }

  private changed({ key }: BucketObject): SourceChangedError {
    this.failure ??= new SourceChangedError(`'${key}' vanished or changed while its block was copied`);
    return this.failure;
  }

  private check(): void {
    const { meta, listed } = this;
    if (meta.blockID !== this.id) throw new SourceDamagedError(`has the meta.json of another block, '${meta.blockID}'`);
    if (!meta.format.startsWith('vParquet'))
      throw new SourceDamagedError(`has the format '${meta.format}', whose files aren't known here`);
    const data = listed.get(DATA);
    if (!data) throw new SourceDamagedError('has no data.parquet');
    if (data.size !== meta.size)
      throw new SourceDamagedError(`has a data.parquet of ${data.size} bytes, its meta.json says ${meta.size}`);
    for (let shard = 0; shard < meta.bloomShards; shard++) {
      const bloom = listed.get(`bloom-${shard}`);
      if (!bloom) throw new SourceDamagedError(`has no bloom-${shard}, of ${meta.bloomShards}`);
      if (bloom.size === 0) throw new SourceDamagedError(`has an empty bloom-${shard}`);
    }
  }
}

async function readAsListed(bucket: Bucket, { key, etag }: BucketObject): Promise<Buffer> {
  const read = await bucket.get(key, META_SIZE_LIMIT);
  if (read?.etag !== etag) throw new SourceChangedError(`'${key}' changed after it was listed`);
  return read.bytes;
}

function parsed(bytes: Buffer): BlockMeta {
  try {
    return parseBlockMeta(bytes);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new SourceDamagedError(`has an unreadable meta.json: ${cause}`, {}, { cause: error });
  }
}
