import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { block, Scene } from './restore-scene';

let scene: Scene;
afterEach(() => scene.remove());

/** As the kubelet mounts a ConfigMap: hidden folders, and a link for each key. */
function mounted(folder: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, 'of-tempo');
  mkdirSync(join(path, '..2026_11_23'), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(path, '..2026_11_23', name), text);
    symlinkSync(join('..2026_11_23', name), join(path, name));
  }
  return path;
}

/** A dry run with one retention in the recovery point, and other files where Tempo's ConfigMaps are mounted. */
async function dryRun(stored: string, files: Readonly<Record<string, string>>): Promise<Scene & { exitCode?: number }> {
  const config = `compactor: {compaction: {block_retention: ${stored}}}`;
  scene = await Scene.of({ tenants: { 'team-a': [block('team-a')] }, config });
  const configFolders = [join(scene.folder, 'no-such-folder'), mounted(scene.folder, files)];
  const other = new Scene(scene.storage, scene.repository, { tempo: { configFolders } });
  const { exitCode } = await other.restore({ dryRun: true });
  other.remove();
  return Object.assign(other, { exitCode });
}

const tempo = (retention: string) => ({
  'tempo.yaml': `compactor: {compaction: {block_retention: ${retention}}}`,
  'tempo-query.yaml': 'backend: 127.0.0.1:3200',
});

describe('the retention of a Tempo whose ConfigMaps are mounted', () => {
  it('is the one in force: shorter than when the point was made, it refuses', async () => {
    expect((await dryRun('72h', tempo('30m'))).exitCode).toBe(15);
  });

  it('is the one in force: raised since, it lets the restore go on', async () => {
    expect((await dryRun('30m', tempo('72h'))).exitCode).toBe(0);
  });

  it('is that of the point when the ConfigMap is gone', async () => {
    expect((await dryRun('30m', {})).exitCode).toBe(15);
  });

  it('is that of the point when the ConfigMap is broken, and that is said', async () => {
    const { exitCode, logged } = await dryRun('30m', { 'tempo.yaml': 'compactor: {{' });
    expect(exitCode).toBe(15);
    expect(logged.join()).toMatch(
      /can't read Tempo's configuration in '.*of-tempo', so that of the recovery point counts: /,
    );
  });
});
