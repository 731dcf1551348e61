import { join } from 'node:path';
import { ExitCode } from '../../../../lib/contract/exit-codes';
import { BucketWorkplace, TEMPO_PREFIX } from '../../../helpers/bucket-workplace';
import { S3Double } from '../../../helpers/s3-double';
import type { StoredS3Object } from '../../../helpers/s3-double-types';
import type { BlockFiles } from '../../../helpers/tempo-tree';

const MIB = 1024 * 1024;

jest.setTimeout(60_000);

let workplace: BucketWorkplace;
afterEach(() => workplace.stop());

/** As on a disk that rots: the server's own checksum, kept since the object was sent, stays as it was. */
function rot(key: string, server = workplace.double): StoredS3Object {
  const object = server.objects.get(key);
  if (!object) throw new Error(`no '${key}'`);
  server.objects.set(key, { ...object, bytes: Buffer.alloc(object.bytes.length, 7) });
  return object;
}

function dataOf({ id }: BlockFiles): string {
  return `backups/blocks/team-a/${id}/data.parquet`;
}

function totalOf(blocks: readonly BlockFiles[]): number {
  return blocks.flatMap(({ files }) => [...files.values()]).reduce((sum, { length }) => sum + length, 0);
}

function loseAll(): void {
  for (const key of workplace.keys()) workplace.double.drop(`${TEMPO_PREFIX}/${key}`);
}

function liveBlocks(): string[] {
  return workplace.keys().filter((key) => key.endsWith('/meta.json'));
}

describe('a restore from a server that kept the checksum of bytes that it lost', () => {
  it.each(['aws', 'minio', 'silent'] as const)('shows Tempo no damaged copy, copied as by %s', async (copies) => {
    workplace = await BucketWorkplace.start({ copies });
    const [damaged, whole] = [workplace.flush('team-a'), workplace.flush('team-a')];
    await workplace.run('backup');
    const sound = rot(dataOf(damaged));
    loseAll();
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result).toMatchObject({
      blocks: {
        restored: 1,
        failed: [
          {
            tenant: 'team-a',
            block: damaged.id,
            reason: expect.stringMatching(/copy, .* is damaged.*delete the copy/),
          },
        ],
      },
    });
    expect(liveBlocks()).toEqual([`team-a/${whole.id}/meta.json`]);
    const again = await workplace.run('restore');
    expect(again).toMatchObject({ exitCode: ExitCode.INTEGRITY, result: { blocks: { restored: 0, skipped: 1 } } });
    // What the messages say.
    workplace.double.objects.set(dataOf(damaged), sound);
    workplace.double.drop(`${TEMPO_PREFIX}/team-a/${damaged.id}/data.parquet`);
    expect((await workplace.run('restore')).exitCode).toBe(ExitCode.DONE);
    expect(liveBlocks()).toHaveLength(2);
  });

  it('stores no damaged bytes that pass here, on their way to another server', async () => {
    workplace = await BucketWorkplace.start();
    const elsewhere = await S3Double.start();
    try {
      await workplace.configure({ repository: elsewhere.url('backups') });
      const [damaged, whole] = [workplace.flush('team-a', { size: 9 * MIB }), workplace.flush('team-a')];
      await workplace.run('backup');
      rot(dataOf(damaged), elsewhere);
      loseAll();
      const { exitCode, result } = await workplace.run('restore');
      expect(exitCode).toBe(ExitCode.INTEGRITY);
      expect(result).toMatchObject({ blocks: { restored: 1, failed: [{ block: damaged.id }] } });
      expect(liveBlocks()).toEqual([`team-a/${whole.id}/meta.json`]);
      expect(workplace.keys().filter((key) => key.includes(damaged.id))).toEqual([]);
    } finally {
      await elsewhere.stop();
    }
  });

  it("reads for itself what 'verify' found damaged, as the server's digest of a copy in one piece can't be compared with one of parts", async () => {
    workplace = await BucketWorkplace.start();
    const [damaged, whole] = [workplace.flush('team-a', { size: 9 * MIB }), workplace.flush('team-a')];
    // Sent and not copied by the first backup, so that its digest is one of parts.
    workplace.double.fail({
      on: 'CopyObject',
      times: 99,
      fault: { kind: 'refuse', status: 501, code: 'NotImplemented' },
    });
    await workplace.run('backup');
    workplace.double.heal();
    rot(dataOf(damaged));
    expect((await workplace.run('verify', '--level', 'full')).exitCode).toBe(ExitCode.INTEGRITY);
    loseAll();
    const dry = await workplace.run('restore', '--dry-run');
    expect(dry).toMatchObject({
      exitCode: ExitCode.INTEGRITY,
      result: {
        blocks: { failed: [{ block: damaged.id, reason: expect.stringContaining("'verify' found it damaged") }] },
      },
    });
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result).toMatchObject({ blocks: { restored: 1, failed: [{ block: damaged.id }] } });
    expect(liveBlocks()).toEqual([`team-a/${whole.id}/meta.json`]);
    expect(workplace.keys().filter((key) => key.includes(damaged.id))).toEqual([]);
  });

  it("brings back what was repaired since 'verify' found it damaged", async () => {
    workplace = await BucketWorkplace.start();
    const block = workplace.flush('team-a');
    await workplace.run('backup');
    const sound = rot(dataOf(block));
    await workplace.run('verify', '--level', 'full');
    workplace.double.objects.set(dataOf(block), sound);
    loseAll();
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ blocks: { restored: 1, failed: [] }, bytes: { read: expect.any(Number) } });
  });
});

describe('a restore of a block whose files Tempo itself left there', () => {
  it.each([
    ['as copies of one part', 0],
    ['of several parts', 9 * MIB],
  ])('finds them to be the same, %s, and brings back what hid it', async (_, size) => {
    workplace = await BucketWorkplace.start();
    const block = workplace.flush('team-a', { size });
    await workplace.run('backup');
    workplace.double.drop(`${TEMPO_PREFIX}/team-a/${block.id}/meta.json`);
    workplace.double.log.length = 0;
    const { exitCode, result } = await workplace.run('restore');
    expect([exitCode, result['blocks']]).toEqual([
      ExitCode.DONE,
      { total: 1, restored: 1, skipped: 0, compacted: 0, failed: [] },
    ]);
    const written = workplace.double.log.filter(({ operation }) => /^(Put|Copy|Create)/.test(operation));
    expect(written.map(({ key }) => key.split('/').at(-1))).toEqual(['meta.json']);
  });

  it('refuses other bytes of the same size', async () => {
    workplace = await BucketWorkplace.start();
    const block = workplace.flush('team-a');
    await workplace.run('backup');
    workplace.double.drop(`${TEMPO_PREFIX}/team-a/${block.id}/meta.json`);
    rot(`${TEMPO_PREFIX}/team-a/${block.id}/index`);
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result).toMatchObject({ blocks: { failed: [{ reason: expect.stringMatching(/index' .*other bytes/) }] } });
    expect(liveBlocks()).toEqual([]);
  });

  it.each([false, 'whole'] as const)(
    'is looked at before it is written, as the server may ignore conditions (%s)',
    async (honoursConditions) => {
      workplace = await BucketWorkplace.start({ honoursConditions });
      await workplace.configure({ repository: `file://${join(workplace.folder, 'repository')}` });
      const { id } = workplace.flush('team-a', { size: 9 * MIB });
      await workplace.run('backup');
      loseAll();
      workplace.put(`team-a/${id}/data.parquet`, Buffer.from('other'));
      const { exitCode } = await workplace.run('restore');
      expect(exitCode).toBe(ExitCode.INTEGRITY);
      expect(workplace.double.objects.get(`${TEMPO_PREFIX}/team-a/${id}/data.parquet`)?.bytes.toString()).toBe('other');
    },
  );

  it('counts what was written of whole blocks, and what was read of all', async () => {
    workplace = await BucketWorkplace.start();
    await workplace.configure({ repository: `file://${join(workplace.folder, 'repository')}` });
    const failing = workplace.flush('team-a', { size: 9 * MIB });
    const whole = workplace.flush('team-a');
    await workplace.run('backup');
    loseAll();
    workplace.put(`team-a/${failing.id}/bloom-0`, Buffer.from('other'));
    const { result } = await workplace.run('restore');
    expect(result).toMatchObject({ blocks: { restored: 1, failed: [{ block: failing.id }] } });
    const [all, restored] = [[failing, whole], [whole]].map(totalOf);
    const { written, read, total } = result['bytes'] as Record<string, number>;
    expect([written, total]).toEqual([restored, all]);
    expect(read).toBeGreaterThan(9 * MIB + (restored ?? 0));
    expect(read).toBeLessThanOrEqual(all ?? 0);
  });

  it('counts as read only what passed here', async () => {
    workplace = await BucketWorkplace.start();
    const block = workplace.flush('team-a', { size: 9 * MIB });
    await workplace.run('backup');
    loseAll();
    const { result } = await workplace.run('restore');
    const read = block.files.get('meta.json')?.length;
    expect(result['bytes']).toEqual({ total: totalOf([block]), written: totalOf([block]), read });
  });

  it('brings back what a rewind hid', async () => {
    let time = Date.now() - 3_600_000;
    workplace = await BucketWorkplace.start({ versioning: 'Enabled', clock: () => new Date(time) });
    const kept = workplace.flush('team-a');
    time += 60_000;
    const to = new Date(time).toISOString();
    time += 60_000;
    const hidden = workplace.flush('team-a');
    await workplace.run('backup');
    time += 3_000_000;
    expect((await workplace.run('rewind', '--to', to)).exitCode).toBe(ExitCode.DONE);
    expect(liveBlocks()).toEqual([`team-a/${kept.id}/meta.json`]);
    const { exitCode, result } = await workplace.run('restore');
    expect([exitCode, result['blocks']]).toEqual([
      ExitCode.DONE,
      { total: 2, restored: 1, skipped: 1, compacted: 0, failed: [] },
    ]);
    expect(liveBlocks()).toContain(`team-a/${hidden.id}/meta.json`);
  });
});
