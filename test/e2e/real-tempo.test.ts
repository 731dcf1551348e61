import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BackupResult, RestoreResult } from '../../lib/contract/results';
import { type PushedTrace, RealTempo, type TempoVersion } from '../helpers/real-tempo';

const programs: readonly [TempoVersion, string, string | undefined][] = [
  ['2.9', 'TEMPO_BIN', process.env.TEMPO_BIN],
  ['3.0', 'TEMPO_3_BIN', process.env.TEMPO_3_BIN],
];

const runner = resolve(__dirname, '../../dist/tempo-backup.js');

for (const [version, variable, program] of programs) {
  if (program === undefined)
    process.stderr.write(`skipped: ${variable} names no Tempo ${version}, so no real one is backed up\n`);
  (program === undefined ? describe.skip : describe)(`a real Tempo ${version}`, () => backsUp(version, program ?? ''));
}

function backsUp(version: TempoVersion, program: string): void {
  let folder: string;
  let running: RealTempo[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tempo-backup-real-'));
    running = [];
  });

  afterEach(async () => {
    for (const tempo of running) await tempo.kill();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(name: string): Promise<RealTempo> {
    const tempo = new RealTempo(program, version, join(folder, name));
    running.push(tempo);
    await tempo.start();
    return tempo;
  }

  async function run<T>(command: string, ...args: string[]): Promise<T> {
    const config = join(folder, 'tempo-backup.yaml');
    const { stdout } = await promisify(execFile)(process.execPath, [
      runner,
      command,
      '--config',
      config,
      '--output',
      'json',
      ...args,
    ]);
    return JSON.parse(stdout) as T;
  }

  it('answers for every trace after its data was backed up while it worked, lost, and restored', async () => {
    const tempo = await start('original');
    await writeFile(
      join(folder, 'tempo-backup.yaml'),
      `tempo:
  storage: { backend: local, path: ${tempo.tracesPath}, walPath: ${tempo.walPath} }
  configFiles: [${join(folder, 'tempo.yaml')}]
repository: { url: "file://${folder}/repository" }
`,
    );
    const pushed: PushedTrace[] = [];
    const backups: BackupResult[] = [];
    for (let round = 0; round < 8; round++) {
      for (let i = 0; i < 10; i++) pushed.push(await tempo.push(i % 3 === 0 ? 'team-b' : 'team-a'));
      await sleep(1500);
      if (round > 0) backups.push(await run<BackupResult>('backup'));
    }
    await tempo.flush();
    await sleep(3000);
    const last = await run<BackupResult>('backup');
    await tempo.kill();

    expect(backups.concat(last).flatMap((result) => result.blocks.damaged)).toEqual([]);
    expect(last.blocks.total).toBeGreaterThan(0);

    const restored = join(folder, 'restored');
    const result = await run<RestoreResult>('restore', '--target', restored);
    expect(result.blocks.failed).toEqual([]);
    const again = await start('restored');
    for (const trace of pushed) {
      await again.until(`able to find ${trace.tenant}/${trace.traceId}`, () => again.has(trace), 20_000);
    }
    const metrics = await again.metrics();
    expect(metrics).not.toMatch(/tempodb_blocklist_tenant_index_errors_total\{[^}]*\} [1-9]/);
    expect(metrics).not.toMatch(/tempo_ingester_replay_errors_total\{[^}]*\} [1-9]/);
  });

  it('has flushed what it held before a backup that asks for it', async () => {
    const tempo = await start('original');
    await writeFile(
      join(folder, 'tempo-backup.yaml'),
      `tempo: { url: "${tempo.url}", flush: { deadline: 1m }, storage: { path: ${tempo.tracesPath}, walPath: ${tempo.walPath} } }
repository: { url: "file://${folder}/repository" }
`,
    );
    for (let i = 0; i < 20; i++) await tempo.push(i % 2 === 0 ? 'team-a' : 'team-b');
    // Long enough for 3.0 to cut its first head: what only lies in memory has no block to wait for.
    if (version === '3.0') await sleep(3000);
    // The runner ends with another exit code, and so this throws, when the flush isn't reached.
    const { flush, recoveryPoint } = await run<BackupResult>('backup');
    expect(flush).toMatchObject({ asked: version === '2.9', reached: true, open: [] });
    expect(recoveryPoint.tenants.map(({ tenant }) => tenant)).toEqual(['team-a', 'team-b']);
  });

  it('shows blocks restored beside it without a restart', async () => {
    const tempo = await start('original');
    await writeFile(
      join(folder, 'tempo-backup.yaml'),
      `tempo: { storage: { backend: local, path: ${tempo.tracesPath}, walPath: ${tempo.walPath} } }
repository: { url: "file://${folder}/repository" }
`,
    );
    const pushed: PushedTrace[] = [];
    for (let i = 0; i < 10; i++) pushed.push(await tempo.push('team-a'));
    await sleep(2500);
    await tempo.flush();
    await sleep(2500);
    await run('backup');
    await tempo.kill();
    await rm(tempo.tracesPath, { recursive: true });
    await rm(tempo.walPath, { recursive: true });

    const empty = await start('original');
    await empty.push('team-a');
    const [trace] = pushed;
    if (!trace) throw new Error('nothing was pushed');
    expect(await empty.has(trace)).toBe(false);
    await run('restore', '--scope', 'data');
    for (const each of pushed) await empty.until(`showing ${each.traceId}`, () => empty.has(each), 20_000);
  });
}
