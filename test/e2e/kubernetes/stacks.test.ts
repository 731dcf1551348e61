import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RESTRICTED_LABELS } from './harness/cluster/security';
import { Timings } from './harness/timings';

const execute = promisify(execFile);
const ROOT = join(__dirname, '../../..');
const NAMESPACE = 'monitoring';
const APPS = { stack: 'dist/stacks/kubernetes/main.js', 'platform chart': 'dist/examples/platform-chart/main.js' };
/** On an idle machine it takes less than two. */
const SYNTH_SECONDS = 20;

const timings = new Timings();
jest.setTimeout(180_000);
afterAll(() => timings.print('Synthesis'));

const { KUBECONFIG } = process.env;
const isBuilt = Object.values(APPS).every((app) => existsSync(join(ROOT, app)));
const missing = KUBECONFIG ? "not built, run 'npm run build'" : 'KUBECONFIG not set';
if (!KUBECONFIG || !isBuilt) process.stderr.write(`synthesized stacks on a cluster skipped: ${missing}\n`);
const suite = KUBECONFIG && isBuilt ? describe : describe.skip;

suite.each(Object.entries(APPS))('what is synthesized of the %s', (name, app) => {
  const namespace = `e2e-${randomBytes(4).toString('hex')}`;
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tempo-backup-synth-'));
    const metadata = { name: namespace, labels: RESTRICTED_LABELS };
    await writeFile(join(folder, 'namespace.json'), JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }));
    await kubectl('apply', '-f', join(folder, 'namespace.json'));
    file = await synthesize();
  });
  afterAll(async () => {
    // Classes belong to no namespace.
    await kubectl('delete', '--ignore-not-found', '--wait=false', '-f', file);
    await kubectl('delete', '--wait=false', 'namespace', namespace);
    await rm(folder, { recursive: true, force: true });
  });

  const kubectl = (...args: string[]): Promise<{ stdout: string; stderr: string }> => execute('kubectl', args);

  /** In a namespace of the test's own. */
  async function synthesize(): Promise<string> {
    const output = join(folder, 'out');
    const args = [
      'synth',
      '--check-upgrade=false',
      '--app',
      `${process.execPath} ${join(ROOT, app)}`,
      '--output',
      output,
    ];
    await timings.measure(name, 'cdk8s synth', {
      limit: SYNTH_SECONDS,
      run: () => execute(join(ROOT, 'node_modules/.bin/cdk8s'), args, { cwd: folder }),
    });
    const files = await readdir(output);
    expect(files).toHaveLength(1);
    const yaml = await readFile(join(output, files[0] ?? ''), 'utf8');
    const path = join(folder, 'objects.yaml');
    await writeFile(path, yaml.replaceAll(`namespace: ${NAMESPACE}`, `namespace: ${namespace}`));
    return path;
  }

  it('is accepted without a warning', async () => {
    const { stdout, stderr } = await kubectl('apply', '--dry-run=server', '-f', file);
    expect(stderr).toBe('');
    expect(stdout).toContain('cronjob.batch/tempo-restore created (server dry run)');
  });

  it('is the same when it is applied again', async () => {
    await kubectl('apply', '-f', file);
    const { stdout } = await kubectl('apply', '-f', file);
    expect(
      stdout
        .trim()
        .split('\n')
        .filter((line) => !line.endsWith(' unchanged')),
    ).toEqual([]);
    // Ends with 1 when anything differs.
    expect((await kubectl('diff', '-f', file)).stdout).toBe('');
  });
});
