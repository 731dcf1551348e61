import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IntegrityError } from '../../../../runtime/errors';
import type { ByteSource } from '../../../../runtime/storage/storage';
import { countRows, readTraceIds } from '../../../../runtime/tempo/block/parquet';
import { parseBlockMeta } from '../../../../runtime/tempo/block/block-meta';
import { fakeParquet, pushedTraceIds } from '../../../helpers/tempo-tree';

const FIXTURES = join(__dirname, '../../../fixtures');
const COMPACTED = 'tempo-2.9/var-tempo/traces/team-a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b';
const PAGE = 'tempo-2.9/var-tempo/wal/80b25cb9-2424-412f-8122-431f7d34a431+team-a+vParquet4/0000000001';

class CountingSource implements ByteSource {
  readonly reads: number[] = [];

  constructor(readonly bytes: Buffer) {}

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, into: Buffer): Promise<void> {
    this.reads.push(into.length);
    this.bytes.copy(into, 0, offset);
    return Promise.resolve();
  }
}

function fixture(path: string): CountingSource {
  return new CountingSource(readFileSync(join(FIXTURES, path)));
}

async function idsOf(source: ByteSource): Promise<string[]> {
  const ids: string[] = [];
  for await (const group of readTraceIds(source)) ids.push(...group.map((id) => id.toString('hex')));
  return ids;
}

function dataFiles(): string[] {
  return readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('/data.parquet'));
}

describe('readTraceIds', () => {
  it.each(dataFiles())('reads as many trace IDs from %s as its meta.json says', async (path) => {
    const folder = join(FIXTURES, path, '..');
    const metaName = readdirSync(folder).find((name) => name.startsWith('meta.')) ?? '';
    const ids = await idsOf(fixture(path));
    expect(ids).toHaveLength(parseBlockMeta(readFileSync(join(folder, metaName))).totalObjects);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('reads the trace IDs that were pushed, of a block and of a page', async () => {
    const pushed = pushedTraceIds('tempo-2.9').get('team-a') ?? new Set();
    for (const path of [`${COMPACTED}/data.parquet`, PAGE]) {
      const ids = await idsOf(fixture(path));
      expect(ids.length).toBeGreaterThan(0);
      expect(ids.filter((id) => !pushed.has(id))).toEqual([]);
    }
  });

  it('needs two reads for a row group and its footer', async () => {
    const source = fixture(`${COMPACTED}/data.parquet`);
    await idsOf(source);
    expect(source.reads).toHaveLength(2);
  });

  it('reads a footer that is larger than the first read', async () => {
    const source = fixture(`${COMPACTED}/data.parquet`);
    expect(await idsOf(new CountingSource(withLargeFooter(source.bytes)))).toEqual(await idsOf(source));
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['nothing', () => Buffer.alloc(0)],
    ['a truncated file', (bytes) => bytes.subarray(0, 20_000)],
    [
      'an absurd footer length',
      (bytes) => Buffer.concat([bytes.subarray(0, -8), Buffer.from('ffffff7f50415231', 'hex')]),
    ],
    ['another page length', (bytes) => overwrite(bytes, 4, Buffer.alloc(24, 0xff))],
    ['a footer of something else', () => fakeParquet(['00'.repeat(16)], 'v1')],
  ])('throws an IntegrityError for %s', async (_, damage) => {
    await expect(idsOf(new CountingSource(damage(fixture(PAGE).bytes)))).rejects.toThrow(IntegrityError);
  });

  it('lets errors of the source through', async () => {
    const source: ByteSource = { size: 100, read: () => Promise.reject(new IntegrityError('gone')) };
    await expect(idsOf(source)).rejects.toThrow('gone');
  });
});

describe('countRows', () => {
  it('reads the number of rows from the footer alone', async () => {
    const source = fixture(`${COMPACTED}/data.parquet`);
    expect(await countRows(source)).toBe(50);
    expect(source.reads).toHaveLength(1);
  });
});

function overwrite(bytes: Buffer, at: number, by: Buffer): Buffer {
  by.copy(bytes, at);
  return bytes;
}

/** Puts bytes before the footer's end that no reader looks at: thrift ends at its stop byte. */
function withLargeFooter(bytes: Buffer): Buffer {
  const padding = Buffer.alloc(700 * 1024);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.readUInt32LE(bytes.length - 8) + padding.length);
  return Buffer.concat([bytes.subarray(0, -8), padding, length, Buffer.from('PAR1')]);
}
