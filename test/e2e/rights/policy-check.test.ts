import { commandPolicy, type PolicyStatement } from '../../../lib/aws/bucket-grants';
import { PolicyCheck } from './policy-check';
import type { S3Call } from './s3-recorder';

const POLICY = commandPolicy('list', { bucketArn: 'arn:aws:s3:::acme', prefix: 'prod/' });
const call = (action: string, key: string, isOnBucket = false, bucket = 'acme'): S3Call => {
  return { action, key, bucket, isOnBucket, status: 200 };
};
const list = (key: string, bucket?: string): S3Call => call('s3:ListBucket', key, true, bucket);
const get = (key: string): S3Call => call('s3:GetObject', key);
const ALL = [
  ...['prod/points/', 'prod/verifications/'].map((key) => list(key)),
  ...['prod/repository.json', 'prod/points/a.json', 'prod/verifications/a.json.gz'].map(get),
];

function checkWith(...more: readonly PolicyStatement[]): PolicyCheck {
  return new PolicyCheck([JSON.stringify({ ...POLICY, Statement: [...POLICY.Statement, ...more] })]);
}

describe('the comparison of a policy with what was called', () => {
  it('finds nothing where both are the same', () => {
    expect(checkWith().lacks(ALL)).toEqual([]);
    expect(checkWith().unused(ALL)).toEqual([]);
  });

  it('finds a call that the policy lacks: another action, key, prefix or bucket', () => {
    const others = [get('prod/blocks/a'), call('s3:PutObject', 'prod/points/a.json'), list('prod/'), list('', 'other')];
    expect(checkWith().lacks([...ALL, ...others])).toEqual([
      's3:GetObject acme prod/blocks/a',
      's3:PutObject acme prod/points/a.json',
      's3:ListBucket acme prod/',
      's3:ListBucket other ',
    ]);
  });

  it('finds what nobody called: an action, a resource, a prefix', () => {
    const tagging: PolicyStatement = {
      Sid: 'More',
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObjectTagging'],
      Resource: 'arn:aws:s3:::acme/prod/points/*',
    };
    expect(checkWith(tagging).unused(ALL)).toEqual(['More: s3:PutObjectTagging arn:aws:s3:::acme/prod/points/*']);
    expect(checkWith().unused(ALL.slice(1, -1))).toEqual([
      'List: s3:ListBucket arn:aws:s3:::acme prod/points/*',
      'Get: s3:GetObject arn:aws:s3:::acme/prod/verifications/*',
    ]);
  });

  it('counts a right on a replica as used where it is used on the repository, and only there', () => {
    const onReplica = JSON.stringify(commandPolicy('list', { bucketArn: 'arn:aws:s3:::copy', prefix: 'prod/' }));
    const both = new PolicyCheck([JSON.stringify(POLICY), onReplica]);
    expect(both.unused(ALL, ['acme', 'copy'])).toEqual([]);
    expect(both.unused(ALL)).toHaveLength(ALL.length);
  });

  it('knows that what is denied is not permitted', () => {
    const Resource = 'arn:aws:s3:::acme/prod/points/*';
    const check = checkWith({ Sid: 'No', Effect: 'Deny', Action: 's3:GetObject', Resource });
    expect(check.permits(get('prod/points/a.json'))).toBe(false);
    expect(check.permits(get('prod/repository.json'))).toBe(true);
  });

  it('throws at a condition that it does not understand', () => {
    const Condition = { Null: { 's3:prefix': 'true' } };
    const Resource = 'arn:aws:s3:::acme';
    const wider: PolicyStatement = { Sid: 'Wider', Effect: 'Allow', Action: ['s3:ListBucket'], Resource, Condition };
    expect(() => checkWith(wider).unused(ALL)).toThrow("check statement 'Wider' (Allow): its condition is unknown");
  });
});
