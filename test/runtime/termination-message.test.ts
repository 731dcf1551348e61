import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../runtime/run';
import { readTerminationMessage, restoreResultIn, terminationText } from '../../runtime/termination-message';

describe('the last words of a container', () => {
  const failed = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      tenant: 'team-ä',
      block: `${index}`,
      reason: 'it is missing'.repeat(10),
    }));

  it('are whole when they fit', () => {
    const message = { exitCode: 12, result: { recoveryPoint: 'x', blocks: { failed: failed(3) } } };
    expect(JSON.parse(terminationText(message))).toEqual(message);
  });

  it.each([40, 2000])('fit whatever there is to say: %i damaged blocks', (count) => {
    const message = { exitCode: 12, result: { recoveryPoint: 'x', blocks: { restored: 7, failed: failed(count) } } };
    const text = terminationText(message);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
    const read = readTerminationMessage(text);
    expect(read).toMatchObject({ exitCode: 12, shortened: true });
    expect(read && restoreResultIn(read)).toMatchObject({ recoveryPoint: 'x', blocks: { restored: 7 } });
    expect(read && restoreResultIn(read)?.blocks.failed[0]).toMatchObject({ tenant: 'team-ä', block: '0' });
  });

  it('keep the beginning of a long error', () => {
    const text = terminationText({ exitCode: 15, error: { message: `restore: ${'x'.repeat(9000)}`, lift: 'owner' } });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
    expect(readTerminationMessage(text)?.error).toMatchObject({
      lift: 'owner',
      message: expect.stringMatching(/^restore: x+…$/),
    });
  });

  it('are nothing but the exit code when nothing else fits', () => {
    const names = Array.from({ length: 500 }, (_, index) => [`name-${index}`, 'x'.repeat(50)]);
    const text = terminationText({ exitCode: 0, result: Object.fromEntries(names) as object });
    expect(JSON.parse(text)).toEqual({ exitCode: 0, shortened: true });
  });

  it.each(['', 'panic: runtime error', '[]', '{"exitCode":"0"}'])('are none of ours: %j', (text) => {
    expect(readTerminationMessage(text)).toBeUndefined();
  });
});

describe('a run in a pod', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tempo-backup-words-'));
    writeFileSync(join(folder, 'config.yaml'), `repository: { url: "file://${folder}/repository" }\n`);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const sink = { write: () => true };
  const start = (log: string, ...argv: string[]) =>
    run([...argv, '--config', join(folder, 'config.yaml')], {
      ...{ stdout: sink, stderr: sink, onSignal: () => undefined },
      terminationLog: join(folder, log),
    });

  it('leaves how it failed in the file that the kubelet made', async () => {
    writeFileSync(join(folder, 'log'), '');
    expect(await start('log', 'list')).toBe(10);
    expect(JSON.parse(readFileSync(join(folder, 'log'), 'utf8'))).toMatchObject({
      exitCode: 10,
      error: { message: expect.stringContaining('repository') },
    });
  });

  it('makes no file where there is none', async () => {
    expect(await start('none', 'list')).toBe(10);
    expect(() => readFileSync(join(folder, 'none'))).toThrow('ENOENT');
  });
});
