import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectBlock, inspectPage } from '../../../../runtime/tempo/block/block-inspection';
import { sourceOf } from '../../../helpers/buffer-source';
import { copyFixture } from '../../../helpers/tempo-tree';

const BLOCK = 'var-tempo/traces/team-a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b';
const PAGE = 'var-tempo/wal/80b25cb9-2424-412f-8122-431f7d34a431+team-a+vParquet4/0000000001';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tempo-backup-inspect-'));
  copyFixture('tempo-2.9', folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

function blockWith(changes: Record<string, (bytes: Buffer) => Buffer> = {}): Promise<string[]> {
  const files = readdirSync(join(folder, BLOCK)).map((name) => {
    const bytes = readFileSync(join(folder, BLOCK, name));
    return [name, sourceOf(changes[name]?.(bytes) ?? bytes)] as const;
  });
  return inspectBlock(new Map(files));
}

it('finds nothing wrong with a real block and a real page', async () => {
  expect(await blockWith()).toEqual([]);
  expect(await inspectPage(sourceOf(readFileSync(join(folder, PAGE))))).toEqual([]);
});

it('counts traces against meta.json', async () => {
  const claim = (bytes: Buffer) => Buffer.from(bytes.toString().replace('"totalObjects":50', '"totalObjects":51'));
  expect(await blockWith({ 'meta.json': claim })).toEqual(['has 50 traces, its meta.json says 51']);
});

it('finds what can’t be parsed', async () => {
  expect(await blockWith({ 'meta.json': (bytes) => bytes.subarray(0, 40) })).toHaveLength(1);
  expect(
    await blockWith({
      'data.parquet': (bytes) => Buffer.from(bytes).fill(0xff, bytes.length - 9000, bytes.length - 8),
    }),
  ).toHaveLength(1);
  expect(await inspectPage(sourceOf(readFileSync(join(folder, PAGE)).subarray(0, 9000)))).toHaveLength(1);
});
