import { ExitCode } from '../../../lib/contract/exit-codes';
import { TEMPO_PREFIX } from '../../helpers/bucket-workplace';
import { RewindScene } from '../../helpers/rewind-scene';
import type { BlockFiles } from '../../helpers/tempo-tree';

jest.setTimeout(60_000);

let scene: RewindScene;
let block: BlockFiles;
let to: string;
/** Version IDs of the block's files, by name. */
let versions: Map<string, string>;

/** A block that was deleted, whose versions of these files a lifecycle rule has archived. */
async function archived(...names: string[]): Promise<void> {
  scene = await RewindScene.start();
  const { workplace } = scene;
  block = workplace.flush('team-a');
  workplace.flush('team-a');
  scene.pass();
  to = scene.moment();
  scene.pass();
  const { history, archive } = workplace.double;
  const idOf = (name: string): string =>
    history.versions.get(`${TEMPO_PREFIX}/team-a/${block.id}/${name}`)?.[0]?.id ?? '';
  versions = new Map([...block.files.keys()].map((name) => [name, idOf(name)]));
  for (const name of names) archive.freeze(versions.get(name) ?? '');
  scene.clear('team-a', block.id);
  scene.pass(60);
}
afterEach(() => scene.workplace.stop());

const requested = (): string[] => scene.workplace.double.archive.requests.map(({ key }) => key);
const isBack = (): boolean => scene.visible().has(`team-a/${block.id}/meta.json`);

describe('a rewind that meets archived versions', () => {
  it('says so before it does anything, and ends with the code of a thaw', async () => {
    await archived('data.parquet');
    const later = scene.workplace.flush('team-a');
    scene.pass(60);
    const { exitCode, result } = await scene.rewind(to);
    expect(exitCode).toBe(ExitCode.THAWING);
    expect(result.error?.message).toMatch(
      /^rewind to .*: 1 object \(.+\) is in an archive class \(GLACIER\): 0 thawed, 0 thawing, 1 not requested; request the rest with '--thaw standard'/,
    );
    expect(isBack()).toBe(false);
    expect(scene.visible().has(`team-a/${later.id}/meta.json`)).toBe(true);
    expect(requested()).toEqual([]);
  });

  it('names them with their version IDs, and requests nothing, in a dry run', async () => {
    await archived('data.parquet');
    const { exitCode, result } = await scene.rewind(to, '--dry-run', '--thaw', 'bulk');
    expect(exitCode).toBe(ExitCode.THAWING);
    const key = `team-a/${block.id}/data.parquet`;
    expect(result).toMatchObject({
      comeBack: [{ id: block.id }],
      archived: {
        ...{ objects: 1, thawing: 0, thawed: 0 },
        versions: [{ key, versionId: versions.get('data.parquet'), archiveClass: 'GLACIER', state: 'archived' }],
      },
    });
    expect(requested()).toEqual([]);
  });

  it('requests the thaw of the versions when asked, and goes on when all are thawed', async () => {
    await archived('data.parquet', 'bloom-0');
    const first = await scene.rewind(to, '--thaw', 'bulk', '--thaw-for', '3d');
    expect(first.exitCode).toBe(ExitCode.THAWING);
    expect(first.result.error?.message).toContain('2 requested now; run it again in 5 to 48 hours');
    const wanted = [versions.get('bloom-0'), versions.get('data.parquet')];
    expect(requested().sort()).toEqual(wanted.sort());
    expect(scene.workplace.double.archive.requests[0]?.body).toMatch(/<Days>3<\/Days>.*<Tier>Bulk<\/Tier>/);
    scene.workplace.double.archive.thaw(versions.get('bloom-0'));
    const second = await scene.rewind(to, '--thaw', 'bulk');
    expect(second.exitCode).toBe(ExitCode.THAWING);
    expect(second.result.error?.message).toContain('1 thawed, 1 thawing');
    expect(requested()).toHaveLength(2);
    expect(isBack()).toBe(false);
    scene.workplace.double.archive.thaw();
    const third = await scene.rewind(to);
    expect(third.exitCode).toBe(ExitCode.DONE);
    expect(third.stderr).toContain('2 objects are thawed until 2040-12-21T00:00:00.000Z at least');
    expect(third.result).toMatchObject({ archived: { objects: 2, thawed: 2 } });
    expect(isBack()).toBe(true);
  });

  it("doesn't count a block as lost whose meta.json is archived, and thaws all of it at once", async () => {
    await archived('data.parquet', 'meta.json');
    const planned = await scene.rewind(to, '--dry-run');
    expect(planned.exitCode).toBe(ExitCode.THAWING);
    expect(planned.result).toMatchObject({
      ...{ comeBack: [], waiting: [{ tenant: 'team-a', id: block.id }], lost: [], gates: [] },
      archived: { objects: 2 },
    });
    expect((await scene.rewind(to, '--thaw', 'standard')).exitCode).toBe(ExitCode.THAWING);
    expect(requested()).toHaveLength(2);
    scene.workplace.double.archive.thaw();
    const { exitCode, result } = await scene.rewind(to);
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ comeBack: [{ id: block.id }], waiting: [], lost: [] });
    expect(isBack()).toBe(true);
  });

  it('asks for no thaw where nothing is archived', async () => {
    await archived();
    scene.workplace.double.log.length = 0;
    expect((await scene.rewind(to, '--thaw', 'standard')).result).toMatchObject({
      archived: { objects: 0, versions: [] },
    });
    const heads = scene.workplace.double.log.filter(({ operation }) => operation === 'HeadObject');
    expect(heads).toEqual([]);
    expect(isBack()).toBe(true);
  });

  it('refuses first what a guard refuses, and requests nothing then', async () => {
    await archived('data.parquet');
    scene.workplace.put('team-a/index.json.gz', Buffer.from('x'));
    expect((await scene.rewind(to, '--thaw', 'standard')).exitCode).toBe(ExitCode.REFUSED);
    expect(requested()).toEqual([]);
  });
});
