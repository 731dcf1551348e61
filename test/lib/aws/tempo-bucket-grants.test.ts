import { TempoBucketProtection, type TempoBucketProtectionArgs } from '../../../lib/aws/index';
import { TEMPO_BUCKET_COMMANDS, type TempoBucketCommand } from '../../../lib/contract/index';
import { RecordingEngine } from '../../helpers/recording-engine';
import { plan, refusalBy, statementsOf } from './component-scene';

const keyArn = 'arn:aws:kms:eu-west-1:123456789012:key/1';

describe("a grant on Tempo's own bucket", () => {
  const granted = async (command: TempoBucketCommand, args: Partial<TempoBucketProtectionArgs> = {}) => {
    const engine = await RecordingEngine.run(() => {
      const protection = new TempoBucketProtection('traces', { bucket: 'acme-tempo', plan, prefix: 'single', ...args });
      protection.grant(command, { name: 'runner' });
    });
    return statementsOf(engine.find(`traces-${command}`, 'RolePolicy'));
  };
  const arnIn = (statements: Awaited<ReturnType<typeof granted>>): string => {
    const { Resource } = statements.find(({ Sid }) => Sid === 'TempoBlocks') ?? { Resource: '' };
    return String(Resource).replace(/\/.*/, '');
  };

  it('lets a backup list and read below the prefix, and nothing else', async () => {
    const statements = await granted('backup');
    const arn = arnIn(statements);
    expect(arn).toMatch(/^arn:aws:s3:::/);
    expect(statements).toEqual([
      {
        Sid: 'ListTempoBlocks',
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: arn,
        Condition: { StringLike: { 's3:prefix': ['single/*'] } },
      },
      {
        Sid: 'LearnThatObjectsAreAbsent',
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: arn,
        Condition: { Null: { 's3:prefix': 'true' } },
      },
      { Sid: 'TempoBlocks', Effect: 'Allow', Action: ['s3:GetObject'], Resource: `${arn}/single/*` },
      {
        Sid: 'KeepVersions',
        Effect: 'Deny',
        Action: ['s3:DeleteObjectVersion', 's3:BypassGovernanceRetention'],
        Resource: `${arn}/*`,
      },
    ]);
  });

  it('lets a rewind list versions, ask for the versioning, and put delete markers', async () => {
    const statements = await granted('rewind');
    expect(statements.map(({ Sid, Action }) => [Sid, Action])).toEqual([
      ['ListTempoBlocks', ['s3:ListBucketVersions']],
      ['LearnThatObjectsAreAbsent', ['s3:ListBucket']],
      ['TempoBucket', ['s3:GetBucketVersioning']],
      ['TempoBlocks', expect.arrayContaining(['s3:GetObjectVersion', 's3:PutObject', 's3:DeleteObject'])],
      ['KeepVersions', ['s3:DeleteObjectVersion', 's3:BypassGovernanceRetention']],
    ]);
  });

  it('is of the whole bucket where Tempo has no prefix', async () => {
    const text = JSON.stringify(await granted('restore', { prefix: undefined }));
    expect(text).toContain('"s3:prefix":["*"]');
    expect(text).not.toContain('single');
  });

  it('names the key of the bucket: who only reads decrypts, who writes encrypts, too', async () => {
    const useOfKey = async (command: TempoBucketCommand) =>
      (await granted(command, { keyArn })).find(({ Sid }) => Sid === 'UseKey');
    expect(await useOfKey('backup')).toMatchObject({ Action: ['kms:Decrypt'], Resource: keyArn });
    expect(await useOfKey('rewind')).toMatchObject({ Action: ['kms:Decrypt', 'kms:GenerateDataKey'] });
  });

  it('permits a rewind to request thaws where asked to, and throws for a command that requests none', async () => {
    const engine = await RecordingEngine.run(() => {
      const protection = new TempoBucketProtection('traces', { bucket: 'acme-tempo', plan, prefix: 'single' });
      protection.grant('rewind', { name: 'runner' }, { suffix: 'thaw', thaw: true });
    });
    const statements = statementsOf(engine.find('traces-rewind-thaw', 'RolePolicy'));
    const resource = `${arnIn(statements)}/single/*`;
    expect(statements).toContainEqual(
      expect.objectContaining({ Sid: 'Thaw', Action: ['s3:RestoreObject'], Resource: resource }),
    );
    expect(JSON.stringify(await granted('rewind'))).not.toContain('s3:RestoreObject');
    const refused = RecordingEngine.run(() => {
      new TempoBucketProtection('traces', { bucket: 'acme-tempo', plan }).policyFor('restore', { thaw: true });
    });
    await expect(refused).rejects.toThrow(/got it for 'restore'; 'rewind' does/);
  });

  it('denies each command the versions themselves', async () => {
    for (const command of TEMPO_BUCKET_COMMANDS) {
      const statements = await granted(command);
      const allowed = statements.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action);
      expect(allowed).not.toContain('s3:DeleteObjectVersion');
      expect(statements.at(-1)).toMatchObject({ Sid: 'KeepVersions', Effect: 'Deny' });
    }
  });

  it('throws for a command that has no business there, and for a prefix with slashes around it', async () => {
    const prune = await refusalBy(() => granted('prune' as TempoBucketCommand));
    expect(prune.reason).toMatch(
      /must be a command that works on Tempo's bucket \(backup, restore, rewind\), got 'prune'/,
    );
    const prefix = await refusalBy(() => granted('backup', { prefix: '/single/' }));
    expect(prefix.reason).toContain("got '/single/'");
  });
});
