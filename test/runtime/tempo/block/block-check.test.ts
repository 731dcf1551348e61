import { findBlockDefect, findParquetDefect } from '../../../../runtime/tempo/block/block-check';
import { parseBlockMeta } from '../../../../runtime/tempo/block/block-meta';
import type { ByteSource } from '../../../../runtime/storage/storage';
import { blockFiles } from '../../../helpers/tempo-tree';

function sourceOf(bytes: Buffer): ByteSource {
  return { size: bytes.length, read: (offset, into) => Promise.resolve(void bytes.copy(into, 0, offset)) };
}

/** Checks a block after something was done to its files. */
async function defectAfter(damage: (files: Map<string, Buffer>) => void): Promise<string | undefined> {
  const files = new Map(blockFiles('team-a', { size: 400 }).files);
  damage(files);
  const meta = parseBlockMeta(files.get('meta.json') ?? Buffer.alloc(0));
  return findBlockDefect(meta, new Map([...files].map(([name, bytes]) => [name, sourceOf(bytes)])));
}

function change(files: Map<string, Buffer>, name: string, how: (bytes: Buffer) => Buffer): void {
  files.set(name, how(Buffer.from(files.get(name) ?? Buffer.alloc(0))));
}

function flip(bytes: Buffer, at: number): Buffer {
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = (bytes[index] ?? 0) ^ 0x10;
  return bytes;
}

describe('findBlockDefect', () => {
  it('finds nothing wrong with a whole block', async () => {
    expect(await defectAfter(() => undefined)).toBeUndefined();
  });

  it('finds nothing wrong without an index, which not all blocks have', async () => {
    expect(await defectAfter((files) => files.delete('index'))).toBeUndefined();
  });

  it.each<[string, (files: Map<string, Buffer>) => void, RegExp]>([
    ['no data', (files) => files.delete('data.parquet'), /^has no data\.parquet$/],
    [
      'truncated data',
      (files) => change(files, 'data.parquet', (b) => b.subarray(0, -1)),
      /of 399 bytes, its meta\.json says 400$/,
    ],
    [
      'longer data',
      (files) => change(files, 'data.parquet', (b) => Buffer.concat([b, b])),
      /of 800 bytes, its meta\.json says 400$/,
    ],
    ['another head', (files) => change(files, 'data.parquet', (b) => flip(b, 0)), /doesn't begin with PAR1/],
    ['another tail', (files) => change(files, 'data.parquet', (b) => flip(b, -1)), /doesn't end with PAR1/],
    ['another footer length', (files) => change(files, 'data.parquet', (b) => flip(b, -8)), /a footer of \d+ bytes/],
    ['no bloom', (files) => files.delete('bloom-0'), /^has no bloom-0, of 1$/],
    [
      'a truncated bloom',
      (files) => change(files, 'bloom-0', (b) => b.subarray(0, -1)),
      /bloom-0 of 31 bytes, its header says 32/,
    ],
    ['an empty bloom', (files) => files.set('bloom-0', Buffer.alloc(0)), /bloom-0 of 0 bytes, its header says 24/],
    [
      'another bloom length',
      (files) => change(files, 'bloom-0', (b) => flip(b, 22)),
      /bloom-0 of 32 bytes, its header says 544/,
    ],
    [
      'an unknown format',
      (files) => change(files, 'meta.json', (b) => Buffer.from(b.toString().replace('vParquet4', 'v2'))),
      /format 'v2'/,
    ],
  ])('says what is wrong with a block that has %s', async (_, damage, expected) => {
    expect(await defectAfter(damage)).toMatch(expected);
  });
});

describe('findParquetDefect', () => {
  it('refuses a footer that is longer than the file', async () => {
    const bytes = Buffer.from('PAR1....\xff\xff\xff\x7fPAR1', 'latin1');
    expect(await findParquetDefect(sourceOf(bytes))).toMatch(/names a footer of 2147483647 bytes/);
  });

  it('refuses a file that is too short for any parquet', async () => {
    expect(await findParquetDefect(sourceOf(Buffer.from('PAR1PAR1')))).toBe('has only 8 bytes');
  });
});
