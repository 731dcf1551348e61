import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RepositoryMissingError, RunnerError, StorageError, UsageError } from '../../../../runtime/errors';
import { openS3Storage } from '../../../../runtime/storage/s3';
import { useAwsEnvironment } from '../../../helpers/aws-environment';
import { bytesOf, sourceOf } from '../../../helpers/buffer-source';
import { DOUBLE_ACCESS_KEY, S3Double, type S3DoubleOptions } from '../../../helpers/s3-double';

jest.setTimeout(30_000);

const MIB = 1024 * 1024;
const CERTIFICATES = join(__dirname, '../../../fixtures/tls');
const SECRET = 'top-secret';

const doubles: S3Double[] = [];
let restoreEnvironment: () => void;

beforeEach(() => {
  restoreEnvironment = useAwsEnvironment({ AWS_ACCESS_KEY_ID: DOUBLE_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET });
});
afterEach(async () => {
  for (const double of doubles.splice(0)) await double.stop();
  restoreEnvironment();
});

async function startDouble(options: S3DoubleOptions = {}): Promise<S3Double> {
  const double = await S3Double.start(options);
  doubles.push(double);
  return double;
}

function startTlsDouble(certificate: string): Promise<S3Double> {
  const cert = readFileSync(join(CERTIFICATES, certificate), 'utf8');
  return startDouble({ tls: { cert, key: readFileSync(join(CERTIFICATES, 'key.pem'), 'utf8') } });
}

async function failureAt(url: string): Promise<RunnerError> {
  const waits: number[] = [];
  const storage = await openS3Storage(url, { sleep: async (milliseconds) => void waits.push(milliseconds) });
  const error: unknown = await storage.get('repository.json').catch((reason: unknown) => reason);
  await storage.close();
  if (!(error instanceof RunnerError)) throw new Error(`expected a RunnerError, got ${String(error)}`);
  expect(error.message).not.toMatch(/\n|top-secret/);
  return error;
}

describe('credentials', () => {
  it('are named by their source when the server does not know them', async () => {
    const double = await startDouble();
    process.env['AWS_ACCESS_KEY_ID'] = 'unknown';

    const error = await failureAt(double.url());

    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/bucket 'double-bucket'.*doesn't know.*environment variable AWS_ACCESS_KEY_ID; /);
    expect(double.log).toHaveLength(1);
  });

  it('are asked for when there are none', async () => {
    const double = await startDouble();
    delete process.env['AWS_ACCESS_KEY_ID'];

    const error = await failureAt(double.url());

    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/no credentials found .*; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/);
    expect(double.log).toHaveLength(0);
  });

  it.each(['SignatureDoesNotMatch', 'ExpiredToken', 'AccessDenied'])('are refused at once with %s', async (code) => {
    const double = await startDouble();
    double.fail({ on: '*', fault: { kind: 'refuse', status: 403, code } });

    expect(await failureAt(double.url())).toBeInstanceOf(UsageError);

    expect(double.log).toHaveLength(1);
  });

  it('come from the profile that the URL names', async () => {
    const double = await startDouble();
    process.env['AWS_SHARED_CREDENTIALS_FILE'] = join(__dirname, '../../../fixtures/aws/credentials');
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    const storage = await openS3Storage(double.url('p', { profile: 'double' }));

    await expect(storage.put('a', sourceOf('a'))).resolves.toMatchObject({ created: true });

    expect((await failureAt(double.url('p', { profile: 'wrong' }))).message).toContain(`profile 'wrong'`);
    expect((await failureAt(double.url('p', { profile: 'absent' }))).message).toContain(`profile 'absent'`);
  });
});

describe('a bucket', () => {
  it('that is missing is said to be', async () => {
    const double = await startDouble();

    const error = await failureAt(double.url('p', {}, 'another-bucket'));

    expect(error).toBeInstanceOf(RepositoryMissingError);
    expect(error.message).toMatch(/bucket 'another-bucket': the bucket does not exist; /);
  });

  it('in another region is said where it is', async () => {
    const double = await startDouble();
    const headers = { 'x-amz-bucket-region': 'eu-central-1' };
    double.fail({ on: '*', fault: { kind: 'refuse', status: 301, code: 'PermanentRedirect', headers } });

    const error = await failureAt(double.url());

    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain(`is in region 'eu-central-1'; add 'region=eu-central-1' to the URL`);
  });
});

describe('a region', () => {
  it('that nothing names is asked for', async () => {
    const error = await failureAt('s3://bucket/p');

    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain(
      [
        "neither endpoint nor region is given; add '?endpoint=' (a server that isn't AWS) or '?region=' (AWS) to the URL",
        "('endpoint' or 'region' in 'tempo.storage'), or set AWS_REGION",
      ].join(' '),
    );
  });
});

describe('a clock', () => {
  it('that is wrong is shown beside the right one', async () => {
    const double = await startDouble({ clockAheadMs: 7 * 3_600_000 });
    double.fail({ on: '*', fault: { kind: 'refuse', status: 403, code: 'RequestTimeTooSkewed' } });
    const server = new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 13);

    const error = await failureAt(double.url());

    expect(error).toBeInstanceOf(StorageError);
    expect(error.message).toContain(`the clock here says ${new Date().toISOString().slice(0, 13)}`);
    expect(error.message).toContain(`the server's ${server}`);
  });
});

describe('an endpoint', () => {
  it('that is down is given up after a few attempts', async () => {
    const double = await startDouble();
    const url = double.url();
    await double.stop();
    doubles.length = 0;

    const error = await failureAt(url);

    expect(error).toBeInstanceOf(StorageError);
    expect(error.message).toMatch(/endpoint 'http:\/\/127\.0\.0\.1:\d+' can't be reached \(ECONNREFUSED\); /);
  });

  it('whose name is unknown is named', async () => {
    const error = await failureAt('s3://bucket/p?endpoint=http://s3.invalid');

    expect(error).toBeInstanceOf(StorageError);
    expect(error.message).toContain(`endpoint 'http://s3.invalid' can't be reached`);
  });

  it('that speaks no TLS is told apart from one that is not trusted', async () => {
    const double = await startDouble();
    const url = double.url().replace('http%3A', 'https%3A');

    const error = await failureAt(url);

    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/TLS failed.*check 'http:' or 'https:' in 'endpoint'/);
  });
});

describe('a certificate', () => {
  it('that is self-signed is refused, and trusted when caBundle names it', async () => {
    const double = await startTlsDouble('loopback.pem');
    const bytes = bytesOf(20 * MIB, 'over TLS');

    const error = await failureAt(double.url());
    const storage = await openS3Storage(double.url('p', { caBundle: join(CERTIFICATES, 'loopback.pem') }));
    await storage.put('a', sourceOf(bytes));

    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/TLS failed.*not trusted.*'caBundle='/);
    expect((await storage.get('a')).equals(bytes)).toBe(true);
    await storage.close();
  });

  it('that expired, or is for another host, is refused though it is trusted', async () => {
    const expired = await startTlsDouble('expired.pem');
    const other = await startTlsDouble('other-host.pem');

    const errors = [
      await failureAt(expired.url('p', { caBundle: join(CERTIFICATES, 'expired.pem') })),
      await failureAt(other.url('p', { caBundle: join(CERTIFICATES, 'other-host.pem') })),
    ];

    expect(errors.every((error) => error instanceof UsageError)).toBe(true);
    expect(errors[0]?.message).toMatch(/CERT_HAS_EXPIRED.*caBundle/);
    expect(errors[1]?.message).toMatch(/for another host name/);
  });

  it('bundle that cannot be read is named', async () => {
    await expect(openS3Storage('s3://bucket/p?caBundle=/absent.pem')).rejects.toThrow(
      `read 'caBundle' '/absent.pem': ENOENT; name a readable PEM file`,
    );
  });
});
