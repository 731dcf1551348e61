import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { LockedError } from '../../../../runtime/errors';
import { diskFs, type TargetFs } from '../../../../runtime/tempo/target/target-fs';
import { TargetLock } from '../../../../runtime/tempo/target/target-lock';
import { block, filesFor, NOW, Scene } from './restore-scene';

const TENANTS = { 'team-a': [block('team-a')], 'team-b': [block('team-b')] };

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.of({ tenants: TENANTS });
});
afterEach(() => scene.remove());

describe('two restores at once in one target', () => {
  it.each([{}, { replace: true }, { tenant: ['team-b'] }])(
    'the second one ends as locked, and the first one is whole (second: %j)',
    async (options) => {
      let begun: () => void = () => undefined;
      let goOn: () => void = () => undefined;
      const beginning = new Promise<void>((resolve) => (begun = resolve));
      const waiting = new Promise<void>((resolve) => (goOn = resolve));
      const fs: TargetFs = {
        ...diskFs,
        sync: async (file) => {
          begun();
          await waiting;
          return diskFs.sync(file);
        },
      };
      const first = scene.restore({}, { fs });
      await beginning;
      const second = scene.restore(options);
      await expect(second).rejects.toThrow(LockedError);
      await expect(second).rejects.toMatchObject({ exitCode: 11 });
      await expect(second).rejects.toThrow(`process ${process.pid} on host '${hostname()}'`);
      expect(existsSync(join(scene.target, 'traces'))).toBe(false);
      goOn();
      expect((await first).exitCode).toBe(0);
      expect(scene.tree('traces')).toEqual(filesFor(TENANTS));
      expect(readdirSync(scene.target)).toEqual(['traces']);
    },
  );

  it('leaves a dry run alone', async () => {
    putLock(content({ host: 'another' }), 0);
    expect((await scene.restore({ dryRun: true })).exitCode).toBe(0);
  });
});

describe('the lock of a target', () => {
  it.each<[string, () => string, number]>([
    ['whose process is dead', () => content({ pid: deadPid() }), 0],
    ['of an earlier process with the same ID', () => content({}), 0],
    ['of another host without a sign of life for a minute', () => content({ host: 'another' }), 61],
    ['that was left empty 6 s ago', () => '', 6],
    ['that was left half written a minute ago', () => '{"host":', 61],
  ])('is taken over at once: one %s', async (_, text, age) => {
    putLock(text(), age);
    expect((await scene.restore()).exitCode).toBe(0);
    expect(scene.tree('traces')).toEqual(filesFor(TENANTS));
    expect(readdirSync(scene.target)).toEqual(['traces']);
  });

  it.each<[string, () => string, number]>([
    ['of another host with a sign of life', () => content({ host: 'another' }), 30],
    ['of a process that lives', () => content({ pid: process.ppid }), 0],
    ['that is about to be written', () => '', 0],
    ['that no program of this version wrote', () => '{"host":', 30],
  ])('is respected: one %s', async (_, text, age) => {
    putLock(text(), age);
    await expect(scene.restore()).rejects.toThrow(LockedError);
    expect(readdirSync(scene.target)).toEqual(['.tempo-backup-restore']);
    expect(readdirSync(join(scene.target, '.tempo-backup-restore'))).toEqual(['lock']);
  });

  it('is lost when another one took it over, and then not removed', () => {
    mkdirSync(scene.target);
    const lock = TargetLock.take(scene.target, NOW);
    lock.check();
    // Into the same file, as when the inode's number is in use again.
    writeFileSync(lock.path, content({ host: 'another' }));
    expect(() => lock.check()).toThrow(LockedError);
    lock.release();
    expect(existsSync(lock.path)).toBe(true);
  });
});

function content(changes: { readonly host?: string; readonly pid?: number }): string {
  return JSON.stringify({ host: hostname(), pid: process.pid, started: '2026-11-23T08:59:00Z', ...changes });
}

/** Of a process that has just ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

function putLock(text: string, ageInSeconds: number): void {
  const folder = join(scene.target, '.tempo-backup-restore');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'lock'), text);
  const time = Date.now() / 1000 - ageInSeconds;
  utimesSync(join(folder, 'lock'), time, time);
}
