import { join } from 'node:path';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { type S3Operation } from '../../helpers/s3-double';
import { BucketWorkplace, TEMPO_PREFIX } from '../../helpers/bucket-workplace';
import { type BlockFiles } from '../../helpers/tempo-tree';

jest.setTimeout(60_000);

let workplace: BucketWorkplace;
let blocks: BlockFiles[];

async function begin(options: Parameters<typeof BucketWorkplace.start>[0] = {}): Promise<void> {
  workplace = await BucketWorkplace.start(options);
  blocks = [workplace.flush('team-a'), workplace.flush('team-a'), workplace.flush('team-b')];
  expect((await workplace.run('backup')).exitCode).toBe(ExitCode.DONE);
  workplace.double.log.length = 0;
}
afterEach(() => workplace.stop());

/** Keys of the repository, in full. */
function keys(pattern: RegExp): string[] {
  return [...workplace.double.objects.keys()].filter((key) => key.startsWith('backups/') && pattern.test(key)).sort();
}

function freeze(pattern: RegExp, archiveClass?: 'GLACIER' | 'DEEP_ARCHIVE'): string[] {
  const found = keys(pattern);
  for (const key of found) workplace.double.archive.freeze(key, archiveClass);
  return found;
}

function lose(): void {
  for (const key of workplace.keys()) workplace.double.drop(`${TEMPO_PREFIX}/${key}`);
}

const requested = (): string[] => workplace.double.archive.requests.map(({ key }) => key).sort();
const readsOfData = (): string[] =>
  workplace.double.log
    .filter(({ operation, key }) => operation === 'GetObject' && /\/blocks\//.test(key))
    .map(({ key }) => key);
const count = (operation: S3Operation, key: RegExp): number =>
  workplace.double.log.filter((entry) => entry.operation === operation && key.test(entry.key)).length;

// What these blocks are filled with is no parquet.
describe.each([
  ['full', ExitCode.DONE],
  ['content', ExitCode.INTEGRITY],
])('a verification at level %s that meets archived objects', (level, after) => {
  beforeEach(() => begin());
  const verify = (...args: string[]) => workplace.run('verify', '--level', level, ...args);

  it('says so with counts and bytes before it reads anything', async () => {
    const frozen = freeze(/data\.parquet$/);
    const { exitCode, result } = await verify();
    expect(exitCode).toBe(ExitCode.THAWING);
    expect(result.error?.message).toMatch(
      /^verify: 3 objects \(.+\) are in an archive class \(GLACIER\): 0 thawed, 0 thawing, 3 not requested; request the rest with '--thaw standard'/,
    );
    const bytes = frozen.reduce((sum, key) => sum + (workplace.double.objects.get(key)?.bytes.length ?? 0), 0);
    expect(result.error).toMatchObject({
      exitCode: 16,
      evidence: { objects: 3, bytes, thawed: 0, thawing: 0, requested: 0, notRequested: 3 },
    });
    expect(readsOfData()).toEqual([]);
    expect(requested()).toEqual([]);
  });

  it('requests the thaw when asked, says how far it is when run again, and goes on when all is thawed', async () => {
    const frozen = freeze(/data\.parquet$/);
    const first = await verify('--thaw', 'bulk', '--thaw-for', '3d');
    expect(first.exitCode).toBe(ExitCode.THAWING);
    expect(first.result.error?.message).toContain('3 requested now; run it again in 5 to 48 hours');
    expect(requested()).toEqual(frozen);
    expect(workplace.double.archive.requests[0]?.body).toMatch(/<Days>3<\/Days>.*<Tier>Bulk<\/Tier>/);
    workplace.double.archive.thaw(frozen[0]);
    const second = await verify('--thaw', 'bulk');
    expect(second.exitCode).toBe(ExitCode.THAWING);
    expect(second.result.error?.message).toContain('1 thawed, 2 thawing;');
    expect(requested()).toEqual(frozen);
    workplace.double.archive.thaw();
    const third = await verify('--thaw', 'bulk');
    expect(third.exitCode).toBe(after);
    expect(third.result).toMatchObject({ remainingBytes: 0, recoveryPoints: [{ complete: true }] });
  });

  it('has no more requests where nothing is archived', async () => {
    expect((await verify()).exitCode).toBe(after);
    // As before there were thaws: the points twice, verifications, and each tenant.
    expect(workplace.double.count('ListObjectsV2')).toBe(5);
    expect(count('HeadObject', /./)).toBe(0);
  });
});

describe('a verification', () => {
  beforeEach(() => begin());

  it('that only looks whether all is there needs no thaw', async () => {
    freeze(/\/blocks\//);
    expect((await workplace.run('verify')).exitCode).toBe(ExitCode.DONE);
  });

  it('waits only for what its budget lets it read', async () => {
    expect((await workplace.run('verify', '--level', 'full')).exitCode).toBe(ExitCode.DONE);
    const fresh = workplace.flush('team-b');
    await workplace.run('backup');
    freeze(new RegExp(blocks.map(({ id }) => id).join('|')));
    const size = [...fresh.files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    const { exitCode, result } = await workplace.run('verify', '--level', 'full', '--max-bytes', String(size));
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ bytes: { read: size } });
  });
});

describe('a restore that meets archived objects', () => {
  beforeEach(() => begin());

  it.each(['into a bucket', 'onto a disk'])('%s says so, requests the thaw, and goes on later', async (where) => {
    const target = where === 'onto a disk' ? ['--target', join(workplace.folder, 'var-tempo')] : [];
    const frozen = freeze(new RegExp(`${blocks[0]?.id ?? ''}|${blocks[2]?.id ?? ''}`));
    lose();
    const restore = (...args: string[]) => workplace.run('restore', ...target, ...args);
    const dry = await restore('--dry-run', '--thaw', 'standard');
    expect(dry.exitCode).toBe(ExitCode.THAWING);
    expect(dry.result).toMatchObject({ archived: { objects: frozen.length, thawing: 0, thawed: 0 } });
    expect(requested()).toEqual([]);
    const plain = await restore();
    expect(plain.exitCode).toBe(ExitCode.THAWING);
    expect(plain.result.error?.message).toContain(`${frozen.length} not requested`);
    expect(requested()).toEqual([]);
    expect((await restore('--thaw', 'standard')).exitCode).toBe(ExitCode.THAWING);
    expect(requested()).toEqual(frozen);
    expect(workplace.keys()).toEqual([]);
    expect(readsOfData()).toEqual([]);
    workplace.double.archive.thaw();
    const { exitCode, result, stderr } = await restore('--thaw', 'standard');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(stderr).toContain(`${frozen.length} objects are thawed until 2040-12-21T00:00:00.000Z at least`);
    expect(result).toMatchObject({
      blocks: { total: 3, restored: 3, failed: [] },
      archived: { objects: frozen.length, thawed: frozen.length },
    });
    expect(requested()).toEqual(frozen);
  });

  it('waits for nothing that it does not read', async () => {
    const frozen = freeze(new RegExp(blocks[0]?.id ?? ''));
    lose();
    const { exitCode, result } = await workplace.run('restore', '--tenant', 'team-b', '--thaw', 'standard');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ archived: { objects: 0, bytes: 0 } });
    expect(requested()).toEqual([]);
    expect(frozen.length).toBeGreaterThan(0);
  });

  it('has the blocks thawed in which it looks for a trace', async () => {
    freeze(/data\.parquet$/);
    const { exitCode, result } = await workplace.run('restore', '--trace-id', 'abc', '--thaw', 'expedited');
    expect(exitCode).toBe(ExitCode.THAWING);
    expect(result.error?.message).toMatch(
      /^find trace '0+abc' in '.*': 3 objects .* 3 requested now; run it again in minutes/,
    );
    expect(requested()).toHaveLength(3);
  });

  it('lists each place of its data once where nothing is archived, and asks for no object', async () => {
    const place = ['--target', join(workplace.folder, 'var-tempo')];
    expect((await workplace.run('restore', ...place)).exitCode).toBe(ExitCode.DONE);
    // Points, and the two tenants.
    expect(workplace.double.count('ListObjectsV2')).toBe(3);
    expect(count('HeadObject', /./)).toBe(0);
  });

  it('refuses an expedited thaw of what has none, before it requests any', async () => {
    freeze(/data\.parquet$/);
    const [deep = ''] = freeze(/data\.parquet$/, 'DEEP_ARCHIVE');
    lose();
    const { exitCode, result } = await workplace.run('restore', '--thaw', 'expedited');
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
    expect(result.error?.message).toContain(
      `'${deep.slice('backups/'.length)}' is in DEEP_ARCHIVE, which has no expedited thaw`,
    );
    expect(requested()).toEqual([]);
  });

  it.each(['12h', '36h', '400d'])("refuses '--thaw-for %s'", async (text) => {
    const { exitCode, result } = await workplace.run('restore', '--thaw', 'bulk', '--thaw-for', text);
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
    expect(result.error?.message).toBe(`'--thaw-for' must be 1 to 365 whole days, got '${text}'; write such as '7d'`);
  });

  it('takes a thaw that somebody else has requested meanwhile for its own', async () => {
    freeze(/data\.parquet$/);
    lose();
    workplace.double.fail({
      on: 'RestoreObject',
      fault: { kind: 'refuse', status: 409, code: 'RestoreAlreadyInProgress' },
    });
    const { exitCode, result } = await workplace.run('restore', '--thaw', 'bulk');
    expect(exitCode).toBe(ExitCode.THAWING);
    expect(result.error?.message).toContain('3 requested now');
  });

  it('goes on where it may not list data, and says that a read met the archive', async () => {
    lose();
    freeze(/data\.parquet$/);
    // After the listing of points.
    workplace.double.fail({
      on: 'ListObjectsV2',
      skip: 2,
      times: 9,
      fault: { kind: 'refuse', status: 403, code: 'AccessDenied' },
    });
    const place = ['--target', join(workplace.folder, 'var-tempo')];
    const { exitCode, result, stderr } = await workplace.run('restore', ...place);
    expect(stderr).toContain('whether something must be thawed shows when it is read');
    expect(exitCode).toBe(ExitCode.THAWING);
    expect(result.error?.message).toContain(
      "('verify', 'restore' and 'rewind' request it with --thaw; not of INTELLIGENT_TIERING",
    );
  });
});

describe('a repository that is archived as a whole', () => {
  beforeEach(() => begin());

  it('is restored in two steps: its documents, then the data', async () => {
    freeze(/./);
    lose();
    const restore = () => workplace.run('restore', '--thaw', 'standard');
    expect((await workplace.run('restore')).result.error).toMatchObject({ exitCode: ExitCode.THAWING });
    expect(requested()).toEqual([]);
    const first = await restore();
    expect(first.exitCode).toBe(ExitCode.THAWING);
    expect(requested()).toEqual(keys(/^backups\/(repository\.json|points|verifications|indexes)/));
    expect((await restore()).result.error?.message).toMatch(/^restore: .* thawing;/);
    workplace.double.archive.thaw();
    expect((await restore()).result.error?.message).toMatch(/^restore '.*': .* requested now;/);
    workplace.double.archive.thaw();
    expect((await restore()).exitCode).toBe(ExitCode.DONE);
    expect(workplace.keys()).toHaveLength(12);
  });
});
