import type { CutSink } from '../../../../runtime/tempo/source/cut-sink';
import type { SourceBlock, SourceFile, SourceWalBlock } from '../../../../runtime/tempo/source/source-block';

export interface StoredBlock {
  readonly seen: string;
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Keeps what a cut brings, by `<tenant>/<id>` and by the WAL folder's name. */
export class MemorySink implements CutSink {
  readonly blocks = new Map<string, StoredBlock>();
  readonly wal = new Map<string, { readonly meta: string; readonly pages: ReadonlyMap<string, Buffer> }>();

  constructor(private readonly between: () => void = () => undefined) {}

  /** The blocks of the cut before, by tenant: empty for a sink that looks at all of them every time. */
  readonly before = new Map<string, ReadonlySet<string>>();

  isUnchanged(tenant: string, ids: ReadonlySet<string>): boolean {
    this.between();
    const before = this.before.get(tenant) ?? new Set();
    return before.size === ids.size && [...ids].every((id) => before.has(id));
  }

  known(tenant: string, live: ReadonlyMap<string, string>): Promise<ReadonlySet<string>> {
    this.between();
    return Promise.resolve(
      new Set([...live].filter(([id, seen]) => this.blocks.get(`${tenant}/${id}`)?.seen === seen).map(([id]) => id)),
    );
  }

  async storeBlock(block: SourceBlock): Promise<void> {
    const files = await readAll(block.files);
    this.between();
    await block.confirm();
    this.blocks.set(`${block.tenant}/${block.id}`, {
      seen: block.seen,
      files: new Map([...files, ...(await readAll([{ name: 'meta.json', source: block.metaSource }]))]),
    });
  }

  async storeWalBlock({ id, tenant, encoding, meta, pages }: SourceWalBlock): Promise<void> {
    this.wal.set(`${id}+${tenant}+${encoding}`, { meta, pages: await readAll(pages) });
  }
}

/** In small reads, as large files would be. */
async function readAll(files: readonly SourceFile[]): Promise<Map<string, Buffer>> {
  const read = new Map<string, Buffer>();
  for (const { name, source } of files) {
    const bytes = Buffer.alloc(source.size);
    const step = Math.max(50, Math.ceil(bytes.length / 10));
    for (let at = 0; at < bytes.length; at += step) await source.read(at, bytes.subarray(at, at + step));
    read.set(name, bytes);
  }
  return read;
}
