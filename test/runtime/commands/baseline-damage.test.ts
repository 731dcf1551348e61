import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BucketWorkplace, TEMPO_PREFIX } from '../../helpers/bucket-workplace';

jest.setTimeout(60_000);
let workplace: BucketWorkplace;
beforeEach(async () => {
  workplace = await BucketWorkplace.start();
});
afterEach(() => workplace.stop());

it('a backup makes a point of a tenant that is known by its IDs when only the baseline has a block that is damaged now', async () => {
  const wal = join(workplace.folder, 'wal');
  mkdirSync(join(wal, 'blocks', 'team-a'), { recursive: true });
  await workplace.configure({ walPath: wal });
  workplace.flush('team-a');
  const { id } = workplace.flush('team-a');
  await workplace.run('backup');
  for (const key of workplace.keys())
    if (key.startsWith(`team-a/${id}/`)) workplace.double.drop(`${TEMPO_PREFIX}/${key}`);
  expect((await workplace.run('backup')).exitCode).toBe(14);
  symlinkSync('/nonexistent', join(wal, 'blocks', 'team-a', id));
  const { result } = await workplace.run('backup');
  expect(result.error).toBeUndefined();
});
