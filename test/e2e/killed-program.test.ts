import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BackupResult, RestoreResult, VerifyResult } from '../../lib/contract/results';
import { makeBlock } from '../helpers/tempo-tree';

const runner = resolve(__dirname, '../../dist/tempo-backup.js');
const BLOCKS = 60;
const BLOCK_BYTES = 3_000_000;

let folder: string;
let config: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tempo-backup-killed-'));
  config = join(folder, 'tempo-backup.yaml');
  const traces = join(folder, 'traces');
  await mkdir(join(folder, 'wal'), { recursive: true });
  for (let n = 0; n < BLOCKS; n++)
    makeBlock(traces, 'team-a', { traceIds: [n.toString(16).padStart(32, '0')], size: BLOCK_BYTES });
  await writeFile(
    config,
    `tempo: { storage: { backend: local, path: ${traces}, walPath: ${join(folder, 'wal')} }, retention: 87600h }\nrepository: { url: "file://${folder}/repository" }\n`,
  );
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function start(command: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, [runner, command, '--config', config, '--output', 'json', ...args], {
    stdio: 'ignore',
  });
}

async function run<T>(command: string, ...args: string[]): Promise<T> {
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

/** Sends a signal after a while; the exit code, or null when the program ended by the signal. */
async function stop(child: ChildProcess, signal: NodeJS.Signals, afterMs: number): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  await sleep(afterMs);
  child.kill(signal);
  return ended;
}

/** Resolves when it has begun to store blocks, or has ended. */
async function untilCopying(child: ChildProcess): Promise<void> {
  while (child.exitCode === null && (await countIn(join(folder, 'repository', 'blocks', 'team-a'))) === 0)
    await sleep(5);
}

async function countIn(path: string): Promise<number> {
  return (await readdir(path).catch(() => [])).length;
}

it('stops within 5 s of SIGTERM with exit code 143 and no point, and the next backup goes on', async () => {
  const child = start('backup');
  // Before it has started, which takes a busy machine a while, nobody could have told it what to do with a signal.
  await untilCopying(child);
  const began = Date.now();
  const exitCode = await stop(child, 'SIGTERM', 0);
  expect(Date.now() - began).toBeLessThan(5000);
  // A machine quick enough to be done by then has nothing to stop.
  expect([143, 0]).toContain(exitCode);
  expect(await countIn(join(folder, 'repository', 'points'))).toBe(exitCode === 0 ? 1 : 0);
  expect((await run<BackupResult>('backup')).blocks.total).toBe(BLOCKS);
});

it('makes a whole point after kill -9 at any time, sending only what was missing', async () => {
  for (const afterMs of [150, 220, 300, 400]) await stop(start('backup'), 'SIGKILL', afterMs);
  const stored = await countIn(join(folder, 'repository', 'blocks', 'team-a'));
  const { blocks, bytes } = await run<BackupResult>('backup');
  expect(blocks).toMatchObject({ total: BLOCKS, damaged: [] });
  // Blocks that were complete aren't sent again; of those under way, the files that had arrived aren't either.
  expect(bytes.sent).toBeLessThan((BLOCKS - stored + 16) * (BLOCK_BYTES + 200_000));
  const verified = await run<VerifyResult>('verify', '--level', 'full');
  expect(verified).toMatchObject({ problems: [], remainingBytes: 0 });
});

it('finishes a restore that was killed again and again, without ever showing half a block', async () => {
  await run('backup');
  const target = join(folder, 'restored');
  for (const afterMs of [180, 240, 320]) {
    await stop(start('restore', '--target', target), 'SIGKILL', afterMs);
    const shown = join(target, 'traces', 'team-a');
    for (const id of await readdir(shown).catch(() => [] as string[]))
      expect(await countIn(join(shown, id))).toBeGreaterThanOrEqual(3);
  }
  const result = await run<RestoreResult>('restore', '--target', target);
  expect(result.blocks.failed).toEqual([]);
  expect(result.blocks.restored + result.blocks.skipped).toBe(BLOCKS);
  expect(await countIn(join(target, 'traces', 'team-a'))).toBe(BLOCKS);
  expect(await readdir(target)).not.toContain('.tempo-backup-restore');
});
