import { setTimeout as wait } from 'node:timers/promises';
import { BucketWorkplace } from '../../helpers/bucket-workplace';

jest.setTimeout(60_000);
let workplace: BucketWorkplace;
beforeEach(async () => {
  workplace = await BucketWorkplace.start({ copies: 'minio' });
});
afterEach(() => workplace.stop());

// On a server that ignores If-None-Match on copies, and while Tempo writes a block again after the first has committed.
it('the slower of two first backups overwrites nothing that the point of the other one names', async () => {
  const ids = Array.from({ length: 9 }, (_, n) => `${n}0000000-0000-4000-8000-000000000001`);
  for (const id of ids) workplace.flush('team-a', { id });
  const last = ids[8] ?? '';
  workplace.double.fail({ on: 'CopyObject', times: 8, fault: { kind: 'delay', milliseconds: 2500 } });
  const slow = workplace.run('backup');
  while (workplace.double.count('CopyObject') < 8) await wait(10);
  const fast = await workplace.run('backup');
  expect(fast.exitCode).toBe(0);
  expect((await workplace.run('verify', '--level', 'full')).exitCode).toBe(0);
  const key = `backups/blocks/team-a/${last}/data.parquet`;
  const before = workplace.double.objects.get(key)?.bytes;
  workplace.flush('team-a', { id: last, version: 'v2' });
  expect((await slow).exitCode).toBe(0);
  const same = workplace.double.objects.get(key)?.bytes.equals(before ?? Buffer.alloc(0));
  const { exitCode, result } = await workplace.run('verify', '--level', 'full', '--recovery-point', 'all');
  expect([same, exitCode, result['problems']]).toEqual([true, 0, []]);
});
