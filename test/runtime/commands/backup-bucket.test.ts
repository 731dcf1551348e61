import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { BucketWorkplace, TEMPO_PREFIX } from '../../helpers/bucket-workplace';
import type { S3Operation } from '../../helpers/s3-double';
import { makeBlock, makeWalBlock } from '../../helpers/tempo-tree';

const MIB = 1024 * 1024;
const HOUR = 3_600_000;
const MIDNIGHT = Date.parse('2026-03-01T00:00:00Z');
const ALL_BUT_DATE = [
  ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
  ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
];
const WRITES: readonly S3Operation[] = [
  'PutObject',
  'CopyObject',
  'CreateMultipartUpload',
  'UploadPart',
  'UploadPartCopy',
  'CompleteMultipartUpload',
  'DeleteObject',
  'DeleteObjects',
];

jest.setTimeout(60_000);

let workplace: BucketWorkplace;
beforeEach(() => {
  jest.useFakeTimers({ now: MIDNIGHT, doNotFake: ALL_BUT_DATE });
});
afterEach(async () => {
  await workplace.stop();
  jest.useRealTimers();
});

function writesToTempo(): string[] {
  return workplace.double.log
    .filter(({ key, operation }) => WRITES.includes(operation) && !key.startsWith('backups/'))
    .map(({ key, operation }) => `${operation} ${key}`);
}

/** Of block files that passed through the client; meta.json is read on purpose. */
function blockReads(): string[] {
  return workplace.double.log
    .filter(
      ({ key, operation }) => operation === 'GetObject' && key.startsWith(TEMPO_PREFIX) && !key.endsWith('/meta.json'),
    )
    .map(({ key }) => key);
}

/** Hours after the beginning of the tests: what a backup looks at depends on the hour. */
function setTime(hours: number): void {
  jest.setSystemTime(MIDNIGHT + hours * HOUR);
}

function requestsOf(work: readonly { operation: S3Operation }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { operation } of work) counts[operation] = (counts[operation] ?? 0) + 1;
  return counts;
}

describe.each(['minio', 'aws', 'silent'] as const)(
  'a backup of a bucket, on a server that copies as %s does',
  (copies) => {
    beforeEach(async () => {
      workplace = await BucketWorkplace.start({ copies });
    });

    it('has the server copy the blocks, and writes nothing where Tempo has them', async () => {
      workplace.flush('team-a');
      workplace.flush('team-b', { size: 9 * MIB });
      workplace.put('team-a/index.json.gz', Buffer.from('x'));
      workplace.put('work.json', Buffer.from('{}'));
      const { exitCode, result } = await workplace.run('backup');
      expect(result).toMatchObject({
        blocks: { total: 2, new: 2, reused: 0, damaged: [] },
        recoveryPoint: {
          tenants: [
            { tenant: 'team-a', blocks: 1 },
            { tenant: 'team-b', blocks: 1 },
          ],
          suspect: false,
        },
      });
      expect(exitCode).toBe(ExitCode.DONE);
      expect(writesToTempo()).toEqual([]);
      expect(blockReads()).toEqual([]);
      expect((result['bytes'] as { copied: number }).copied).toBeGreaterThan(9 * MIB);
      expect((result['bytes'] as { sent: number }).sent).toBeLessThan(16 * 1024);
    });

    it.each(['full', 'quick'])('stores what verify --level %s finds whole', async (level) => {
      workplace.flush('team-a', { size: 9 * MIB });
      await workplace.run('backup');
      const { exitCode, result } = await workplace.run('verify', '--level', level);
      expect(result).toMatchObject({ problems: [] });
      expect(exitCode).toBe(ExitCode.DONE);
    });

    it('finds a flipped bit in a large copied object', async () => {
      const { id } = workplace.flush('team-a', { size: 9 * MIB });
      await workplace.run('backup');
      const stored = workplace.double.objects.get(`backups/blocks/team-a/${id}/data.parquet`);
      const bytes = Buffer.from(stored?.bytes ?? '');
      bytes[8 * MIB + 5] = (bytes[8 * MIB + 5] ?? 0) ^ 1;
      workplace.double.place(`backups/blocks/team-a/${id}/data.parquet`, bytes);
      expect((await workplace.run('verify', '--level', 'full')).exitCode).toBe(ExitCode.INTEGRITY);
    });

    it('costs three requests and listings when there is nothing new', async () => {
      for (let block = 0; block < 5; block++) workplace.flush('team-a');
      await workplace.run('backup');
      workplace.double.log.length = 0;
      const { result } = await workplace.run('backup');
      expect(result).toMatchObject({ blocks: { total: 5, new: 0 }, bytes: { copied: 0, read: 0 } });
      const { ListObjectsV2: lists = 0, ...others } = requestsOf(workplace.double.log);
      expect(others).toEqual({ GetObject: 2, PutObject: 1 });
      // Points, tenants, and the names of the tenant's five blocks, of which the double gives two at a time.
      expect(lists).toBe(5);
    });

    it('looks at blocks with the IDs of the previous point in the next hour only', async () => {
      const { id } = workplace.flush('team-a', { version: 'v1' });
      await workplace.run('backup');
      workplace.flush('team-a', { id, version: 'v2' });
      setTime(0.9);
      expect((await workplace.run('backup')).result).toMatchObject({ blocks: { total: 1, new: 0 } });
      setTime(1);
      expect((await workplace.run('backup')).result).toMatchObject({ blocks: { total: 1, new: 1 } });
    });

    it('looks at all blocks of a tenant when one came, or has become whole', async () => {
      workplace.flush('team-a');
      const { id, files } = workplace.flush('team-a');
      workplace.double.drop(`${TEMPO_PREFIX}/team-a/${id}/meta.json`);
      expect((await workplace.run('backup')).result).toMatchObject({ blocks: { total: 1, new: 1 } });
      workplace.put(`team-a/${id}/meta.json`, files.get('meta.json') ?? Buffer.alloc(0));
      expect((await workplace.run('backup')).result).toMatchObject({ blocks: { total: 2, new: 1 } });
      workplace.flush('team-a');
      expect((await workplace.run('backup')).result).toMatchObject({ blocks: { total: 3, new: 1 } });
    });

    it('looks at all blocks of a tenant of which one is damaged', async () => {
      workplace.flush('team-a');
      const { id } = workplace.flush('team-a');
      await workplace.run('backup');
      workplace.double.drop(`${TEMPO_PREFIX}/team-a/${id}/bloom-0`);
      workplace.flush('team-a');
      for (let run = 0; run < 2; run++)
        expect((await workplace.run('backup')).result).toMatchObject({ blocks: { damaged: [{ block: id }] } });
    });

    it('looks at all blocks of a tenant of which the repository has a damaged one', async () => {
      const { id } = workplace.flush('team-a');
      await workplace.run('backup');
      workplace.double.drop(`backups/blocks/team-a/${id}/bloom-0`);
      expect((await workplace.run('verify')).exitCode).toBe(ExitCode.INTEGRITY);
      expect((await workplace.run('backup')).result).toMatchObject({ blocks: { total: 1, new: 1 } });
      expect((await workplace.run('verify')).exitCode).toBe(ExitCode.DONE);
    });

    it('costs for each block of a first copy its copies and reading its meta.json', async () => {
      for (let block = 0; block < 20; block++) workplace.flush('team-a');
      await workplace.run('backup');
      const ofBlocks = workplace.double.log.filter(({ key }) => key.includes('/team-a/'));
      const { HeadObject: heads = 0, ...others } = requestsOf(ofBlocks);
      expect(others).toEqual({ CopyObject: 80, GetObject: 20 });
      // Where nothing else tells the digest of each copy.
      expect(heads).toBe(copies === 'silent' ? 80 : 0);
    });

    it('costs for each new block its copies, looking up where they go, and reading its meta.json', async () => {
      workplace.flush('team-a');
      await workplace.run('backup');
      workplace.double.log.length = 0;
      const { id } = workplace.flush('team-a');
      await workplace.run('backup');
      const ofBlock = workplace.double.log.filter(({ key }) => key.includes(id));
      const { HeadObject: heads = 0, ...others } = requestsOf(ofBlock);
      expect(others).toEqual({ CopyObject: 4, GetObject: 1 });
      // Whether data.parquet is there, and where nothing else tells the digest of each copy.
      expect(heads).toBe(copies === 'silent' ? 5 : 1);
    });

    it('copies nothing again that an interrupted run left, and reads none of it', async () => {
      workplace.flush('team-a', { size: 9 * MIB });
      workplace.double.fail({
        on: 'PutObject',
        // The two probes and the repository's identity.
        skip: 3,
        times: 1,
        fault: { kind: 'refuse', status: 400, code: 'InvalidRequest' },
      });
      expect((await workplace.run('backup')).exitCode).not.toBe(ExitCode.DONE);
      workplace.double.log.length = 0;
      const { exitCode, result } = await workplace.run('backup');
      expect(exitCode).toBe(ExitCode.DONE);
      expect(result).toMatchObject({ bytes: { copied: 0 } });
      expect(workplace.double.count('CopyObject')).toBe(0);
      expect(blockReads()).toEqual([]);
      expect((await workplace.run('verify', '--level', 'full')).exitCode).toBe(ExitCode.DONE);
    });

    it('gives a block that Tempo wrote again with other bytes a key of its own', async () => {
      const { id } = workplace.flush('team-a', { version: 'v1' });
      await workplace.run('backup');
      const key = `backups/blocks/team-a/${id}/data.parquet`;
      const before = workplace.double.objects.get(key)?.bytes;
      workplace.flush('team-a', { id, version: 'v2' });
      setTime(1);
      const { result } = await workplace.run('backup');
      expect(result).toMatchObject({ blocks: { total: 1, new: 1 } });
      expect(workplace.double.objects.get(key)?.bytes).toEqual(before);
      expect([...workplace.double.objects.keys()].filter((each) => each.startsWith('backups/rewritten/'))).toHaveLength(
        4,
      );
      expect((await workplace.run('verify', '--recovery-point', 'all', '--level', 'full')).exitCode).toBe(
        ExitCode.DONE,
      );
    });
  },
);

describe('a backup of a bucket', () => {
  beforeEach(async () => {
    workplace = await BucketWorkplace.start();
  });

  it('takes a block that is being marked as compacted for that', async () => {
    const input = workplace.flush('team-a');
    workplace.flush('team-a', { traceIds: input.traceIds, level: 1 });
    workplace.put(`team-a/${input.id}/meta.compacted.json`, Buffer.from('{}'));
    expect((await workplace.run('backup')).result).toMatchObject({ blocks: { total: 1, damaged: [] } });
  });

  it('says nothing of files without a meta.json, nor of the rest of a block that is being deleted', async () => {
    const { id } = workplace.flush('team-a');
    const { id: orphan } = workplace.flush('team-a');
    workplace.double.drop(`${TEMPO_PREFIX}/team-a/${orphan}/meta.json`);
    workplace.put('team-a/0d4bbf3c-0000-4000-8000-000000000001/meta.compacted.json', Buffer.from('{}'));
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ blocks: { total: 1, damaged: [] } });
    expect([...workplace.double.objects.keys()].some((key) => key.startsWith(`backups/blocks/team-a/${id}/`))).toBe(
      true,
    );
  });

  it('explains a block that vanished by the one that it was compacted into', async () => {
    const end = new Date(Date.now() - 60_000);
    const one = workplace.flush('team-a', { end });
    const other = workplace.flush('team-a', { end });
    await workplace.run('backup');
    workplace.flush('team-a', { traceIds: [...one.traceIds, ...other.traceIds], level: 1, end });
    for (const { id } of [one, other]) workplace.compact('team-a', id);
    expect((await workplace.run('backup')).exitCode).toBe(ExitCode.DONE);
    for (const key of workplace.keys().filter((each) => each.startsWith('team-a/')))
      workplace.double.drop(`${TEMPO_PREFIX}/${key}`);
    workplace.flush('team-a', { end });
    expect((await workplace.run('backup')).exitCode).toBe(ExitCode.SOURCE_REGRESSED);
  });

  it.each([
    ['data.parquet', 'data.parquet'],
    ['bloom-0', 'bloom-0'],
  ])('reports a live block without its %s, and takes the others', async (name, said) => {
    const { id } = workplace.flush('team-a');
    workplace.flush('team-a');
    workplace.double.drop(`${TEMPO_PREFIX}/team-a/${id}/${name}`);
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result).toMatchObject({
      blocks: { total: 1, damaged: [{ tenant: 'team-a', block: id, reason: expect.stringContaining(said) }] },
      recoveryPoint: { suspect: true },
    });
  });

  it('reports a data.parquet that is shorter than its meta.json says, and a meta.json that is none', async () => {
    const short = workplace.flush('team-a');
    const broken = workplace.flush('team-b');
    workplace.put(`team-a/${short.id}/data.parquet`, Buffer.from('PAR1PAR1'));
    workplace.put(`team-b/${broken.id}/meta.json`, Buffer.from('{'));
    const { result } = await workplace.run('backup');
    expect(result).toMatchObject({ blocks: { damaged: [{ block: short.id }, { block: broken.id }] } });
  });

  it('refuses a bucket without anything, unless that is meant', async () => {
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.lift).toBe('empty-source');
    expect((await workplace.run('backup', '--allow', 'empty-source')).exitCode).toBe(ExitCode.DONE);
  });

  it('streams to a repository elsewhere', async () => {
    const { id } = workplace.flush('team-a', { size: 9 * MIB });
    await workplace.configure({ repository: `file://${join(workplace.folder, 'repository')}` });
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ bytes: { copied: 0 } });
    expect(blockReads()).toContain(`${TEMPO_PREFIX}/team-a/${id}/data.parquet`);
    expect(writesToTempo()).toEqual([]);
    expect((await workplace.run('verify', '--level', 'full')).exitCode).toBe(ExitCode.DONE);
  });

  it("says that Tempo's bucket is missing, which isn't the repository's", async () => {
    await workplace.run('backup', '--allow', 'empty-source');
    await workplace.configure({ bucket: 'no-such-bucket' });
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
    expect(result.error?.message).toContain("in bucket 'no-such-bucket': the bucket does not exist");
  });

  it('streams when the server can copy nothing', async () => {
    workplace.flush('team-a');
    workplace.double.fail({
      on: 'CopyObject',
      times: 99,
      fault: { kind: 'refuse', status: 501, code: 'NotImplemented' },
    });
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ blocks: { new: 1 }, bytes: { copied: 0 } });
  });

  it("says that the write-ahead log isn't backed up when no folder of it is configured", async () => {
    workplace.flush('team-a');
    const { exitCode, stderr } = await workplace.run('backup');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(stderr).toContain(
      "the write-ahead log isn't backed up, as 'tempo.storage.walPath' isn't set: what Tempo hasn't flushed is in no recovery point",
    );
  });

  it('takes the WAL and what was completed and not flushed yet from its folder', async () => {
    const wal = join(workplace.folder, 'wal');
    mkdirSync(join(wal, 'blocks'), { recursive: true });
    await workplace.configure({ walPath: wal });
    workplace.flush('team-a');
    makeWalBlock(wal, 'team-a');
    makeBlock(join(wal, 'blocks'), 'team-b');
    const { exitCode, result, stderr } = await workplace.run('backup');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(stderr).not.toContain('walPath');
    expect(result).toMatchObject({
      recoveryPoint: { wal: { blocks: 1, pages: 1 }, tenants: [{ tenant: 'team-a' }, { tenant: 'team-b' }] },
    });
  });

  it('sends nothing of a block that came from the WAL folder once it is in the bucket', async () => {
    const wal = join(workplace.folder, 'wal');
    mkdirSync(join(wal, 'blocks'), { recursive: true });
    await workplace.configure({ walPath: wal });
    const { id, files } = makeBlock(join(wal, 'blocks'), 'team-a');
    await workplace.run('backup');
    for (const [name, bytes] of files) workplace.put(`team-a/${id}/${name}`, bytes);
    expect((await workplace.run('backup')).result).toMatchObject({
      blocks: { total: 1, new: 0 },
      bytes: { copied: 0 },
    });
  });
});
