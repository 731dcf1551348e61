import { ExitCode } from '../../../lib/contract/exit-codes';
import { RewindScene } from '../../helpers/rewind-scene';

jest.setTimeout(60_000);

let scene: RewindScene;
afterEach(() => scene.workplace.stop());

describe('a rewind whose versions are gone in part', () => {
  /** `lost` and `found` are compacted into `successor`; then the versions of `lost` expire. */
  async function compacted() {
    scene = await RewindScene.start();
    const { workplace } = scene;
    const [lost, found, other] = [workplace.flush('team-a'), workplace.flush('team-a'), workplace.flush('team-b')];
    scene.pass();
    const to = scene.moment();
    scene.pass();
    const successor = workplace.flush('team-a', { level: 1, traceIds: [...lost.traceIds, ...found.traceIds] });
    const elsewhere = workplace.flush('team-b', { level: 1, traceIds: other.traceIds });
    for (const { id } of [lost, found]) {
      workplace.compact('team-a', id);
      scene.clear('team-a', id);
    }
    scene.expire(lost.id);
    scene.pass(60);
    return { to, lost, found, successor, elsewhere };
  }

  it('leaves visible what may hold the traces of a lost block, and hides in other tenants', async () => {
    const { to, lost, found, successor, elsewhere } = await compacted();
    const { exitCode, result } = await scene.rewind(to, '--allow', 'lost-versions');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result).toMatchObject({
      comeBack: [{ id: found.id }],
      vanish: [{ tenant: 'team-b', id: elsewhere.id }],
      kept: [{ tenant: 'team-a', id: successor.id }],
      lost: [{ tenant: 'team-a', block: lost.id }],
    });
    const visible = scene.visible();
    expect(visible.has(`team-a/${successor.id}/meta.json`)).toBe(true);
    expect(visible.has(`team-a/${found.id}/meta.json`)).toBe(true);
    expect(visible.has(`team-b/${elsewhere.id}/meta.json`)).toBe(false);
  });

  it('says before that it would', async () => {
    const { to } = await compacted();
    const { result } = await scene.rewind(to);
    expect(result.error?.message).toContain('1 block of their tenants that came since stays visible');
  });

  it('hides what came since when nothing is lost, and keeps nothing', async () => {
    scene = await RewindScene.start();
    scene.workplace.flush('team-a');
    scene.pass();
    const to = scene.moment();
    scene.pass();
    const { id } = scene.workplace.flush('team-a');
    scene.pass(60);
    expect((await scene.rewind(to)).result).toMatchObject({ vanish: [{ id }], kept: [], lost: [] });
  });
});

describe('a block that came and went within one tick of the clock, after the moment', () => {
  it("isn't lost, as it wasn't there", async () => {
    scene = await RewindScene.start();
    scene.workplace.flush('team-a');
    scene.pass();
    const to = scene.moment();
    scene.pass();
    const { id } = scene.workplace.flush('team-a');
    scene.clear('team-a', id);
    scene.pass(60);
    expect(await scene.rewind(to)).toMatchObject({ exitCode: ExitCode.DONE, result: { lost: [], unchanged: 1 } });
  });
});

describe('a rewind to before what the lifecycle keeps', () => {
  /** A block whose versions and delete markers are gone, so that nothing tells of it. */
  async function expired(daysAgo: number) {
    scene = await RewindScene.start({ daysAgo: daysAgo + 2 });
    const { workplace } = scene;
    workplace.put('tempo_cluster_seed.json', Buffer.from('x'));
    const [gone, stays] = [workplace.flush('team-a'), workplace.flush('team-a')];
    scene.pass();
    const to = scene.moment();
    scene.pass();
    const successor = workplace.flush('team-a', { level: 1, traceIds: gone.traceIds });
    scene.clear('team-a', gone.id);
    scene.expire(gone.id, { markers: true });
    scene.pass(daysAgo * 24 * 60);
    return { to, gone, stays, successor };
  }

  it('is refused, as nobody can tell what was there', async () => {
    const { to } = await expired(366);
    const { exitCode, result } = await scene.rewind(to);
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.lift).toBe('lost-versions');
    expect(result.error?.message).toContain('noncurrent versions are removed after 365d');
  });

  it('hides nothing when it is allowed, and ends as one that lost something', async () => {
    const { to, successor } = await expired(366);
    const { exitCode, result } = await scene.rewind(to, '--allow', 'lost-versions');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result).toMatchObject({ vanish: [], kept: [{ id: successor.id }], lost: [], unchanged: 1 });
    expect(scene.visible().has(`team-a/${successor.id}/meta.json`)).toBe(true);
  });

  it('goes on within that time, or when the plan lets no version expire', async () => {
    const { to } = await expired(364);
    expect((await scene.rewind(to, '--dry-run')).exitCode).toBe(ExitCode.DONE);
    await scene.workplace.stop();
    const older = await expired(366);
    await scene.workplace.configure({ extra: 'plan: { storage: { lifecycle: [] } }' });
    expect((await scene.rewind(older.to, '--dry-run')).exitCode).toBe(ExitCode.DONE);
  });
});
