import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ExitCode } from '../../../../lib/contract/exit-codes';
import { openS3Bucket } from '../../../../runtime/storage/s3';
import type { BucketObject } from '../../../../runtime/storage/bucket';
import { TenantIndexes } from '../../../../runtime/tempo/bucket/tenant-index';
import { scanBucket } from '../../../../runtime/tempo/bucket/bucket-scan';
import { type BucketRan, BucketWorkplace, TEMPO_PREFIX } from '../../../helpers/bucket-workplace';
import type { S3FaultRule } from '../../../helpers/s3-double';
import type { BlockFiles } from '../../../helpers/tempo-tree';

const INDEX = 'team-a/index.json.gz';
const BLOCKS = 20;
/** So many are read before an index counts as worth it. */
const FIRST_ONES = 4;

jest.setTimeout(60_000);

let workplace: BucketWorkplace;
let blocks: BlockFiles[];
beforeEach(async () => {
  workplace = await BucketWorkplace.start();
  blocks = Array.from({ length: BLOCKS }, () => workplace.flush('team-a'));
});
afterEach(() => workplace.stop());

function fail(what: string): never {
  throw new Error(`not there: ${what}`);
}

type Meta = Record<string, unknown>;
const metaOf = ({ files }: BlockFiles): Meta => JSON.parse(String(files.get('meta.json'))) as Meta;

/** As a poll of Tempo leaves it. */
function writeIndex(metas: readonly unknown[] = blocks.map(metaOf)): void {
  const index = { created_at: new Date().toISOString(), meta: metas, compacted: [] };
  workplace.put(INDEX, gzipSync(JSON.stringify(index)));
}

async function backup(): Promise<BucketRan> {
  workplace.double.log.length = 0;
  return workplace.run('backup');
}

function readOf(name: string): number {
  return workplace.double.log.filter(
    ({ key, operation }) => operation === 'GetObject' && key.startsWith(`${TEMPO_PREFIX}/`) && key.endsWith(`/${name}`),
  ).length;
}

async function expectWhole({ exitCode, result }: BucketRan, total = BLOCKS): Promise<void> {
  expect(result).toMatchObject({ blocks: { total, damaged: [] }, recoveryPoint: { suspect: false } });
  expect(exitCode).toBe(ExitCode.DONE);
  expect((await workplace.run('verify', '--level', 'full')).exitCode).toBe(ExitCode.DONE);
}

const summaryOf = ({ result }: BucketRan): unknown => (result['recoveryPoint'] as { tenants: unknown }).tenants;

describe("Tempo's index of a tenant", () => {
  it('tells what is in the blocks of a first copy, so that few meta.json are read', async () => {
    writeIndex();
    const ran = await backup();
    await expectWhole(ran);
    expect(readOf('meta.json')).toBe(FIRST_ONES);
    expect(readOf('index.json.gz')).toBe(1);
  });

  it.each(['2.9', '3.0'])('has each meta.json as it is, where Tempo %s wrote both', async (release) => {
    const tenant = join(__dirname, '../../../fixtures', `tempo-${release}`, 'var-tempo/traces/team-a');
    workplace.put(INDEX, readFileSync(join(tenant, 'index.json.gz')));
    const written = readdirSync(tenant).filter((id) => existsSync(join(tenant, id, 'meta.json')));
    const metas = written.map((id) => ({ id, bytes: readFileSync(join(tenant, id, 'meta.json')) }));
    for (const { id, bytes } of metas) workplace.put(`team-a/${id}/meta.json`, bytes);
    const bucket = openS3Bucket(workplace.double.url(TEMPO_PREFIX));
    const listed = new Map<string, BucketObject>();
    for await (const object of bucket.list('team-a/')) listed.set(object.key, object);
    const indexes = new TenantIndexes(bucket);
    const ask = ({ id }: { id: string }): Promise<Buffer | undefined> =>
      indexes.metaOf(listed.get(INDEX), { id, meta: listed.get(`team-a/${id}/meta.json`) ?? fail(id) });
    for (let asked = 0; asked < FIRST_ONES; asked++) await ask(metas[0] ?? fail('no block'));
    expect(metas.length).toBeGreaterThan(0);
    expect(await Promise.all(metas.map(ask))).toEqual(metas.map(({ bytes }) => bytes));
    await bucket.close();
  });

  it('tells the same as the meta.json of each', async () => {
    const withoutIndex = summaryOf(await backup());
    for (const key of workplace.double.objects.keys()) if (key.startsWith('backups/')) workplace.double.drop(key);
    writeIndex();
    expect(summaryOf(await backup())).toEqual(withoutIndex);
  });

  it('is found, too, where a tenant is listed in several ranges', async () => {
    writeIndex();
    const bucket = openS3Bucket(workplace.double.url(TEMPO_PREFIX));
    const scan = { signal: new AbortController().signal, known: () => undefined, splitAbove: 8 };
    const { indexes, files } = await scanBucket(bucket, scan);
    await bucket.close();
    expect(files.size).toBe(BLOCKS);
    expect(indexes.get('team-a')?.key).toBe(INDEX);
  });

  it('is not read for a few new blocks', async () => {
    await backup();
    for (let block = 0; block < FIRST_ONES; block++) blocks.push(workplace.flush('team-a'));
    writeIndex();
    await expectWhole(await backup(), BLOCKS + FIRST_ONES);
    expect(readOf('index.json.gz')).toBe(0);
  });

  it('says nothing of which blocks there are', async () => {
    const [gone, ...others] = blocks;
    const unknown = workplace.flush('team-a');
    writeIndex();
    for (const name of gone?.files.keys() ?? []) workplace.double.drop(`${TEMPO_PREFIX}/team-a/${gone?.id}/${name}`);
    blocks = [...others, unknown];
    await expectWhole(await backup(), BLOCKS);
    expect(readOf('meta.json')).toBeLessThanOrEqual(FIRST_ONES + 1);
  });

  it('does not count for a block that was written again since', async () => {
    writeIndex();
    for (const block of blocks) {
      const again = Buffer.from(JSON.stringify({ ...metaOf(block), totalObjects: 7 }));
      workplace.put(`team-a/${block.id}/meta.json`, again);
    }
    const ran = await backup();
    await expectWhole(ran);
    expect(readOf('meta.json')).toBe(BLOCKS);
    expect(summaryOf(ran)).toMatchObject([{ objects: 7 * BLOCKS }]);
  });

  it('does not hide that a meta.json is damaged', async () => {
    writeIndex();
    const damaged = blocks.slice(FIRST_ONES);
    for (const { id } of damaged) workplace.put(`team-a/${id}/meta.json`, Buffer.from('{'));
    const { exitCode, result } = await backup();
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect((result['blocks'] as { damaged: unknown[] }).damaged).toHaveLength(damaged.length);
  });

  it.each<[string, (meta: Meta) => unknown]>([
    ['another size', (meta) => ({ ...meta, size: 1 })],
    ['more blooms', (meta) => ({ ...meta, bloomShards: 2 })],
    ['an unknown format', (meta) => ({ ...meta, format: 'v2' })],
    ['another time', (meta) => ({ ...meta, endTime: new Date(0).toISOString() })],
  ])('does not count for a block of which it says %s', async (_, change) => {
    writeIndex(blocks.map((block) => change(metaOf(block))));
    await expectWhole(await backup());
    expect(readOf('meta.json')).toBe(BLOCKS);
  });

  it.each<[string, Buffer]>([
    ['is no gzip file', Buffer.from('x')],
    ['is no JSON', gzipSync('{"meta": [')],
    ['is something else', gzipSync('[1, 2]')],
    ['unfolds to more than it may', gzipSync(Buffer.alloc(9 * 1024 * 1024, ' '))],
    ['is larger than it may', Buffer.alloc(9 * 1024 * 1024)],
  ])('costs requests when it %s, and nothing else', async (_, bytes) => {
    workplace.put(INDEX, bytes);
    await expectWhole(await backup());
    expect(readOf('meta.json')).toBe(BLOCKS);
  });

  it('costs requests when it may not be read', async () => {
    writeIndex();
    const fault: S3FaultRule['fault'] = { kind: 'refuse', status: 403, code: 'AccessDenied' };
    workplace.double.fail({ on: 'GetObject', key: `${TEMPO_PREFIX}/${INDEX}`, times: 1, fault });
    await expectWhole(await backup());
    expect(readOf('meta.json')).toBe(BLOCKS);
  });
});
