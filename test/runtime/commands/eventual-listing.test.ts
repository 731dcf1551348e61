import { ExitCode } from '../../../lib/contract/exit-codes';
import { type BucketRan, BucketWorkplace, TEMPO_PREFIX } from '../../helpers/bucket-workplace';

jest.setTimeout(60_000);

let workplace: BucketWorkplace;
beforeEach(async () => {
  workplace = await BucketWorkplace.start();
});
afterEach(() => workplace.stop());

const keysBelow = (prefix: string): string[] =>
  [...workplace.double.objects.keys()].filter((key) => key.startsWith(prefix));

function hide(prefix: string): void {
  for (const key of keysBelow(prefix)) workplace.double.listings.unlisted.add(key);
}

/** Deletes what listings go on showing. */
function deleteUnseen(prefix: string): void {
  for (const key of keysBelow(prefix)) {
    const object = workplace.double.objects.get(key);
    if (object) workplace.double.listings.stillListed.set(key, object);
    workplace.double.drop(key);
  }
}

function catchUp(): void {
  workplace.double.listings.unlisted.clear();
  workplace.double.listings.stillListed.clear();
}

const blocksIn = ({ result }: BucketRan): unknown => (result['blocks'] as { total: number }).total;

describe('a server whose listings lag', () => {
  it('is asked for what they lack before that is called missing', async () => {
    const { id } = workplace.flush('team-a');
    workplace.flush('team-a');
    await workplace.run('backup');
    hide(`backups/blocks/team-a/${id}/`);
    const { exitCode, result } = await workplace.run('verify', '--level', 'quick');
    expect(result).toMatchObject({ problems: [] });
    expect(exitCode).toBe(ExitCode.DONE);
    expect(keysBelow('backups/points/').filter((key) => key.endsWith('.damaged.json'))).toEqual([]);

    workplace.double.drop(`backups/blocks/team-a/${id}/data.parquet`);
    const missing = await workplace.run('verify', '--level', 'quick');
    expect(missing.exitCode).toBe(ExitCode.INTEGRITY);
  });

  it('has a new block in the next point when it shows it too late for this one', async () => {
    workplace.flush('team-a');
    const { id } = workplace.flush('team-a');
    hide(`${TEMPO_PREFIX}/team-a/${id}/`);
    expect(blocksIn(await workplace.run('backup'))).toBe(1);
    catchUp();
    expect(blocksIn(await workplace.run('backup'))).toBe(2);
  });

  it('has what was compacted in the point before, and what it was made into in the next; the one in between, which has neither, says so', async () => {
    await workplace.configure({ tempo: 'retention: 336h' });
    const { id } = workplace.flush('team-a');
    workplace.flush('team-a');
    const before = await workplace.run('backup');
    const output = workplace.flush('team-a', { level: 1, start: new Date(0), end: new Date() });
    workplace.compact('team-a', id);
    hide(`${TEMPO_PREFIX}/team-a/${output.id}/`);
    // With the same IDs as before nothing would be looked at.
    workplace.flush('team-a');
    const between = await workplace.run('backup');
    catchUp();
    const after = await workplace.run('backup');
    expect([before, between, after].map(blocksIn)).toEqual([2, 2, 3]);
    const { DONE, SOURCE_REGRESSED } = ExitCode;
    expect([before, between, after].map(({ exitCode }) => exitCode)).toEqual([DONE, SOURCE_REGRESSED, DONE]);
    expect(keysBelow(`backups/blocks/team-a/${id}/`)).not.toEqual([]);
    expect(keysBelow(`backups/blocks/team-a/${output.id}/`)).not.toEqual([]);
  });

  it('may go on showing a block that Tempo has deleted: the point has it still, and the next one says that it vanished', async () => {
    const { id } = workplace.flush('team-a');
    workplace.flush('team-a');
    await workplace.run('backup');
    deleteUnseen(`${TEMPO_PREFIX}/team-a/${id}/`);
    const shown = await workplace.run('backup');
    expect([shown.exitCode, blocksIn(shown)]).toEqual([ExitCode.DONE, 2]);
    catchUp();
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(ExitCode.SOURCE_REGRESSED);
    expect(JSON.stringify(result['recoveryPoint'])).toContain(`vanished without explanation (${id})`);
  });

  it('is looked at again while it shows a new block that is gone', async () => {
    workplace.flush('team-a');
    const { id } = workplace.flush('team-a');
    deleteUnseen(`${TEMPO_PREFIX}/team-a/${id}/`);
    const caughtUp = setTimeout(catchUp, 1500);
    const ran = await workplace.run('backup');
    clearTimeout(caughtUp);
    expect([ran.exitCode, blocksIn(ran)]).toEqual([ExitCode.DONE, 1]);
  });

  it('may hide the newest point: a backup sends what that one sent, at most, and prune condemns nothing of it', async () => {
    workplace.flush('team-a');
    await workplace.run('backup');
    const { id } = workplace.flush('team-a');
    await workplace.run('backup');
    hide(keysBelow('backups/points/').sort().at(-1) ?? 'no point');
    const again = await workplace.run('backup');
    expect([again.exitCode, blocksIn(again)]).toEqual([ExitCode.DONE, 2]);
    const stored = keysBelow('backups/blocks/');
    expect(stored.filter((key) => key.includes(id))).toHaveLength(4);
    const { result } = await workplace.run('prune');
    expect(result).toMatchObject({ points: { condemned: [], deleted: [] }, objects: { condemned: 0, deleted: 0 } });
    expect(keysBelow('backups/blocks/')).toEqual(stored);
  });

  it('may show a point that is gone: prune deletes nothing and names it, all else goes on', async () => {
    workplace.flush('team-a');
    await workplace.run('backup');
    workplace.flush('team-a');
    await workplace.run('backup');
    const [gone = ''] = keysBelow('backups/points/').sort();
    deleteUnseen(gone);
    expect((await workplace.run('backup')).exitCode).toBe(ExitCode.DONE);
    expect((await workplace.run('verify', '--level', 'full')).exitCode).toBe(ExitCode.DONE);
    const { exitCode, result } = await workplace.run('prune');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result.error?.message).toContain(`read object '${gone.slice('backups/'.length)}'`);
    expect(result.error?.message).toContain("it isn't there");
    catchUp();
    expect((await workplace.run('prune')).exitCode).toBe(ExitCode.DONE);
  });
});
