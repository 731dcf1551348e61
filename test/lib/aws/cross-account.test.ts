import { BackupBucket, type CrossAccountGrant } from '../../../lib/aws/index';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { make, plan, refusalOf, statementsOf } from './component-scene';

const principalArn = 'arn:aws:iam::222222222222:role/restore';
const RESTORES: CrossAccountGrant = { command: 'restore', principalArn };
const OWN_BUCKET = 'arn:aws:s3:::tempo-backups-0a1b2c3';
const REPLICA = 'arn:aws:s3:::tempo-backups-replica-0a1b2c3';

const makeWith = (...crossAccountGrants: CrossAccountGrant[]) =>
  make({
    region: 'eu-west-1',
    replica: { region: 'eu-central-1' },
    encryption: { kms: true },
    crossAccountGrants,
  });

describe('a grant across accounts', () => {
  /** What the policies say besides what they say of everybody: TLS in that of a bucket, the account itself in that of a key. */
  const of = (engine: RecordingEngine, bucket: string) => ({
    bucket: statementsOf(engine.find(`${bucket}-policy`, 'BucketPolicy')).slice(2),
    key: statementsOf(engine.find(`${bucket}-key`, 'Key')).slice(1),
  });
  const sids = (engine: RecordingEngine, bucket: string): string[] =>
    Object.values(of(engine, bucket)).flatMap((statements) => statements.map(({ Sid }) => Sid));
  const ALL = ['RestoreList0', 'RestoreLearnThatObjectsAreAbsent0', 'RestoreGet0', 'RestoreUseKey0'];

  it('is part of the policies of bucket and key, and of nothing of the replica', async () => {
    const engine = await makeWith(RESTORES);
    const { bucket, key } = of(engine, 'tempo-backups');
    expect(sids(engine, 'tempo-backups')).toEqual(ALL);
    expect(new Set([...bucket, ...key].map(({ Principal }) => JSON.stringify(Principal)))).toEqual(
      new Set([JSON.stringify({ AWS: principalArn })]),
    );
    expect(key).toMatchObject([{ Action: ['kms:Decrypt'], Resource: '*' }]);
    expect(JSON.stringify([bucket, key])).toContain(`"${OWN_BUCKET}/blocks/*"`);
    expect(sids(engine, 'tempo-backups-replica')).toEqual([]);
  });

  it('on the replica is part of the policies of the replica and its key alone', async () => {
    const engine = await makeWith({ ...RESTORES, on: 'replica' });
    expect(sids(engine, 'tempo-backups-replica')).toEqual(ALL);
    const text = JSON.stringify(of(engine, 'tempo-backups-replica'));
    expect(text).toContain(`"${REPLICA}/blocks/*"`);
    expect(text).toContain(`"kms:EncryptionContext:aws:s3:arn":["${REPLICA}","${REPLICA}/*"]`);
    expect(text).not.toContain(`${OWN_BUCKET}"`);
    expect(sids(engine, 'tempo-backups')).toEqual([]);
  });

  it('on both is part of all four', async () => {
    const engine = await makeWith({ ...RESTORES, on: 'both' });
    expect(sids(engine, 'tempo-backups')).toEqual(ALL);
    expect(sids(engine, 'tempo-backups-replica')).toEqual(ALL);
  });

  it('requests thaws where that is granted, and only there', async () => {
    const thawing = await makeWith({ ...RESTORES, thaw: true });
    const plain = await makeWith(RESTORES);
    const thaws = of(thawing, 'tempo-backups').bucket.filter(({ Sid }) => /Thaw|ListDocuments/.test(Sid));
    expect(thaws).toMatchObject([
      { Sid: 'RestoreListDocuments0', Action: ['s3:ListBucket'] },
      { Sid: 'RestoreThaw0', Action: ['s3:RestoreObject'], Principal: { AWS: principalArn } },
    ]);
    expect(JSON.stringify(of(plain, 'tempo-backups'))).not.toContain('s3:RestoreObject');
  });

  it('that is taken back leaves nobody in the policies of the keys but the account itself', async () => {
    const engine = await makeWith();
    const account = { Principal: { AWS: '123456789012' }, Action: 'kms:*' };
    for (const name of ['tempo-backups-key', 'tempo-backups-replica-key'])
      expect(statementsOf(engine.find(name, 'Key'))).toEqual([expect.objectContaining(account)]);
  });

  it('says what the policy of a key must contain that is not its own, and nothing of one that is', async () => {
    const keyArn = 'arn:aws:kms:eu-west-1:123456789012:key/1';
    const foreign = await RecordingEngine.run(
      () =>
        new BackupBucket('tempo-backups', {
          ...{ plan, region: 'eu-west-1', encryption: { keyArn } },
          crossAccountGrants: [RESTORES, { ...RESTORES, command: 'verify' }],
        }),
    );
    expect((await valueOf(foreign.made.keyPolicyStatements)).map(({ Sid, Action }) => [Sid, Action])).toEqual([
      ['RestoreUseKey0', ['kms:Decrypt']],
      ['VerifyUseKey1', ['kms:Decrypt', 'kms:GenerateDataKey']],
    ]);
    expect(await valueOf((await makeWith(RESTORES)).made.keyPolicyStatements)).toEqual([]);
  });

  it.each<[string, CrossAccountGrant, string, string]>([
    [
      'on a replica that there is none of',
      { ...RESTORES, on: 'both' },
      'crossAccountGrants.0.on',
      "must be 'bucket' without a 'replica', got 'both'; add a replica or leave it out",
    ],
    [
      'nowhere',
      { ...RESTORES, on: 'copy' as 'both' },
      'crossAccountGrants.0.on',
      "must be one of bucket, replica, both, got 'copy'",
    ],
    [
      'of thaws that the command requests none of',
      { ...RESTORES, command: 'backup', thaw: true },
      'crossAccountGrants.0.thaw',
      "must be left out for a command without --thaw, got it for 'backup'; 'verify' and 'restore' have it",
    ],
    [
      'of a command that works on no repository',
      { ...RESTORES, command: 'rewind' },
      'crossAccountGrants.0.command',
      expect.stringMatching(/^must be a command that works on a repository .*, got 'rewind'$/),
    ],
  ])('is refused %s', async (_, grant, propertyPath, reason) => {
    expect(await refusalOf({ crossAccountGrants: [grant] })).toMatchObject({ propertyPath, reason });
  });
});
