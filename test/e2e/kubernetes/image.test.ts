import { Scene } from './harness/scene';
import { kubernetesSuite } from './harness/suite';

const MEGABYTE = 1e6;

/** Prints what an image has to show for itself, from inside a pod. */
const INSPECTION = `
const fs = require('node:fs');
const path = require('node:path');
const tls = require('node:tls');
const mounted = new Set(fs.readFileSync('/proc/mounts', 'utf8').split('\\n').map((line) => line.split(' ')[1]));
let bytes = 0;
const programs = [];
const walk = (folder) => {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (mounted.has(file)) continue;
    if (entry.isDirectory()) walk(file);
    else if (entry.isFile()) {
      const { size, mode } = fs.statSync(file);
      bytes += size;
      if ((mode & 0o111) !== 0 && !file.includes('/lib')) programs.push(file);
    }
  }
};
walk('/');
const writable = ['/', '/app', '/etc', '/usr/local/bin'].filter((folder) => {
  try { fs.writeFileSync(path.join(folder, 'probe'), ''); return true; } catch { return false; }
});
const user = require('node:os').userInfo();
console.log(JSON.stringify({ bytes, programs, writable, uid: process.getuid(), gid: process.getgid(), name: user.username, node: process.version,
  authorities: tls.rootCertificates.length, timeZone: new Date(0).toLocaleString('en', { timeZone: 'Asia/Tokyo' }) }));
`;

interface Inspected {
  readonly bytes: number;
  readonly programs: readonly string[];
  readonly writable: readonly string[];
  readonly uid: number;
  readonly gid: number;
  readonly node: string;
  readonly authorities: number;
}

kubernetesSuite('the image in a namespace that enforces restricted', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.create();
  });
  afterAll(() => scene?.remove());

  it('holds one program, Node 24, and nothing to log in with, in less than 200 MB', async () => {
    const { exitCode, result } = await scene.runScript(INSPECTION);
    expect(exitCode).toBe(0);
    const { bytes, programs, ...rest } = result as Inspected;
    process.stdout.write(`image: ${(bytes / MEGABYTE).toFixed(0)} MB of files\n`);
    expect(programs).toEqual(['/usr/local/bin/node']);
    expect(bytes).toBeLessThan(200 * MEGABYTE);
    expect(rest).toEqual({
      uid: 10001,
      gid: 10001,
      name: 'tempo',
      node: expect.stringMatching(/^v24\./),
      writable: [],
      authorities: expect.any(Number),
      timeZone: '1/1/1970, 9:00:00 AM',
    });
    expect(rest.authorities).toBeGreaterThan(100);
  });

  it('runs a backup with a root file system that can not be written', async () => {
    await scene.tempo.flushed((await scene.tempo.push(3)).length);
    const { exitCode, result, log } = await scene.runJob('tempo-backup-hourly');
    expect([exitCode, log]).toEqual([0, expect.anything()]);
    expect(result).toMatchObject({ blocks: { damaged: [] } });
  });
});
