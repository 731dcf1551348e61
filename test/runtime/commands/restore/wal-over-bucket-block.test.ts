import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BucketWorkplace, TEMPO_PREFIX } from '../../../helpers/bucket-workplace';
import { makeBlock, makeWalBlock } from '../../../helpers/tempo-tree';

jest.setTimeout(60_000);
let workplace: BucketWorkplace;
beforeEach(async () => {
  workplace = await BucketWorkplace.start();
});
afterEach(() => workplace.stop());

// A WAL block is flushed under its own ID. Back in the WAL, Tempo replays it, completes it and writes it over the block in the bucket,
// which has what came after the recovery point, too.
it.each<[string, string[]]>([
  ['all', []],
  ['wal', []],
  ['wal', ['--replace']],
])(
  'a restore with --scope %s %p puts no WAL block beside the fuller block of that ID in the bucket',
  async (scope, more) => {
    const wal = join(workplace.folder, 'wal');
    mkdirSync(join(wal, 'blocks'), { recursive: true });
    await workplace.configure({ walPath: wal });
    const lost = workplace.flush('team-a');
    const { id } = makeWalBlock(wal, 'team-a');
    await workplace.run('backup');
    // Tempo goes on: more traces, then the block is flushed and leaves the WAL. Later another block is lost.
    for (const name of readdirSync(wal)) if (name !== 'blocks') rmSync(join(wal, name), { recursive: true });
    workplace.flush('team-a', { id, traceIds: Array.from({ length: 9 }, (_, n) => String(n).repeat(32)) });
    for (const key of workplace.keys())
      if (key.startsWith(`team-a/${lost.id}/`)) workplace.double.drop(`${TEMPO_PREFIX}/${key}`);
    const { exitCode } = await workplace.run('restore', '--recovery-point', 'latest', '--scope', scope, ...more);
    expect(exitCode).toBe(0);
    expect(readdirSync(wal).filter((name) => name.startsWith(id))).toEqual([]);
  },
);

// Tempo 2.x, replayWal: "Delete anything remaining for the completed version of this wal block": the fuller one on the disk would go.
it.each(['all', 'wal'])(
  'a restore with --scope %s puts no WAL block beside the completed, unflushed block of that ID',
  async (scope) => {
    const wal = join(workplace.folder, 'wal');
    mkdirSync(join(wal, 'blocks'), { recursive: true });
    await workplace.configure({ walPath: wal });
    workplace.flush('team-a');
    const { id } = makeWalBlock(wal, 'team-a');
    await workplace.run('backup');
    for (const name of readdirSync(wal)) if (name !== 'blocks') rmSync(join(wal, name), { recursive: true });
    makeBlock(join(wal, 'blocks'), 'team-a', {
      id,
      traceIds: Array.from({ length: 9 }, (_, n) => String(n).repeat(32)),
    });
    const { exitCode } = await workplace.run('restore', '--recovery-point', 'latest', '--scope', scope);
    expect(exitCode).toBe(0);
    expect(readdirSync(wal).filter((name) => name.startsWith(id))).toEqual([]);
  },
);
