import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { isSamePlace } from '../../../runtime/commands/same-place';
import { BucketWorkplace } from '../../helpers/bucket-workplace';

describe('two URLs', () => {
  it.each([
    ['s3://b/backups?endpoint=http://minio:9000', 's3://b/backups/?endpoint=http://minio:9000'],
    ['s3://b/backups?endpoint=http://minio:9000', 's3://b//backups?pathStyle=true&endpoint=http://MINIO:9000/'],
    ['s3://b/back%75ps?endpoint=https://minio', 's3://b/backups?endpoint=https://minio:443'],
    ['s3://b', 's3://b/?region=eu-west-1'],
    ['s3://b/p?region=eu-west-1', 's3://b/p?endpoint=https://s3.eu-west-1.amazonaws.com'],
  ])('%s and %s name one place', async (one, other) => {
    expect(await isSamePlace(one, other)).toBe(true);
    expect(await isSamePlace(other, one)).toBe(true);
  });

  it.each([
    ['s3://b/backups', 's3://b/backups-2'],
    ['s3://b/backups', 's3://c/backups'],
    ['s3://b/backups?endpoint=http://one:9000', 's3://b/backups?endpoint=http://other:9000'],
    ['s3://b/backups?endpoint=http://one:9000', 's3://b/backups'],
    ['s3://b/srv', 'file:///b/srv'],
    ['file:///srv/backup', '/srv/backup'],
    ['file:///srv/backup', 'file://host/srv/backup'],
  ])('%s and %s name two', async (one, other) => {
    expect(await isSamePlace(one, other)).toBe(false);
  });

  it('of a folder and a link to it name one place, of two folders two', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'same-place-'));
    const url = (name: string): string => pathToFileURL(join(folder, name)).href;
    mkdirSync(join(folder, 'repository'));
    mkdirSync(join(folder, 'other'));
    symlinkSync(join(folder, 'repository'), join(folder, 'link'));
    expect(await isSamePlace(url('repository'), url('link'))).toBe(true);
    expect(await isSamePlace(url('repository'), `${url('repository')}/`)).toBe(true);
    expect(await isSamePlace(url('repository'), url('other'))).toBe(false);
    expect(await isSamePlace(url('repository'), url('absent'))).toBe(false);
    rmSync(folder, { recursive: true });
  });
});

describe('the repository itself under another name', () => {
  let workplace: BucketWorkplace;
  beforeEach(async () => {
    workplace = await BucketWorkplace.start();
    workplace.flush('team-a');
    await workplace.run('backup');
  });
  afterEach(() => workplace.stop());

  it('is no place to replicate to, and no replica', async () => {
    const url = workplace.double.url('backups').replace('/backups?', '/backups/?');
    const replicated = await workplace.run('replicate', '--to', url);
    expect(replicated.exitCode).toBe(ExitCode.CONFIGURATION);
    expect(replicated.result.error?.message).toContain("'--to' names the repository itself");
    const verified = await workplace.run('verify', '--replica', url);
    expect(verified.exitCode).toBe(ExitCode.CONFIGURATION);
    expect(verified.result.error?.message).toContain("'--replica' names the repository itself");
  });

  it('is known by its objects where the server has two names, and a real copy is none', async () => {
    const url = workplace.double.url('backups').replace('127.0.0.1', 'localhost');
    const { exitCode, result } = await workplace.run('replicate', '--to', url);
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
    expect(result.error?.message).toContain('it is the same place by another name');
    for (const present of [0, 1]) {
      const copied = await workplace.run('replicate', '--to', workplace.double.url('copy'));
      expect(copied).toMatchObject({ exitCode: ExitCode.DONE, result: { points: { present } } });
    }
  });
});
