import { blockPrefix } from '../../../../lib/contract/repository-layout';
import { noticeDamage } from '../../../../runtime/repository/damage-notices';
import { sourceOf } from '../../../helpers/buffer-source';
import { block, Scene, wal } from './restore-scene';

const [a, b] = [block('team-a'), block('team-a')];
const WAL_ID = '11111111-2222-4333-8444-555555555555';

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.of({ tenants: { 'team-a': [a, b] }, wal: [wal('team-a', WAL_ID)] });
});
afterEach(() => scene.remove());

async function pageKey(): Promise<string> {
  const manifest = await scene.repository.newest();
  return manifest?.wal[0]?.pages[0]?.key ?? '';
}

describe("a dry run after 'verify' found damage", () => {
  it('names the blocks and the WAL that would fail', async () => {
    await noticeDamage(scene.repository, [blockPrefix('team-a', a.id), await pageKey()]);
    const { result, exitCode } = await scene.restore({ dryRun: true });
    expect(exitCode).toBe(12);
    const reason = expect.stringContaining("'verify' found it damaged");
    expect(result.blocks.failed).toEqual([
      { tenant: 'team-a', block: a.id, reason },
      { tenant: 'team-a', block: WAL_ID, reason },
    ]);
  });

  it('names none that is there already, or that nobody asks for', async () => {
    await scene.restore({ block: [a.id] });
    await noticeDamage(scene.repository, [blockPrefix('team-a', a.id), await pageKey()]);
    const { result, exitCode } = await scene.restore({ dryRun: true, scope: 'data' });
    expect([exitCode, result.blocks.failed]).toEqual([0, []]);
  });
});

it('a restore goes by the bytes, as what was found damaged may be repaired by now', async () => {
  await noticeDamage(scene.repository, [blockPrefix('team-a', a.id)]);
  const { result, exitCode } = await scene.restore();
  expect([exitCode, result.blocks.failed]).toEqual([0, []]);
});

it('a restore counts what was written of whole blocks, and what was read of damaged ones, too', async () => {
  const key = `${blockPrefix('team-a', a.id)}/index`;
  await scene.storage.delete([key]);
  await scene.storage.put(key, sourceOf(Buffer.alloc(a.files.get('index')?.length ?? 0, 7)));
  const { result } = await scene.restore({ scope: 'data' });
  expect(result.blocks).toMatchObject({ restored: 1, failed: [{ block: a.id }] });
  const whole = [...b.files.values()].reduce((sum, { length }) => sum + length, 0);
  expect(result.bytes.written).toBe(whole);
  expect(result.bytes.read).toBeGreaterThan(whole);
});
