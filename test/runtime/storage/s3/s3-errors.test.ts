import { type RunnerError } from '../../../../runtime/errors';
import { credentialSource, explainS3Error } from '../../../../runtime/storage/s3/s3-errors';
import { isRetryable, mayHaveCommitted, s3FailureOf, S3RequestError } from '../../../../runtime/storage/s3/s3-failure';
import { parseS3Url } from '../../../../runtime/storage/s3/s3-url';

const location = parseS3Url('s3://backups/p?endpoint=https://minio:9000');

/** As the SDK throws them. */
function answered(code: string, status: number, rest: Record<string, unknown> = {}): Error {
  return Object.assign(new Error(code), { name: code, $metadata: { httpStatusCode: status }, ...rest });
}

function broken(code: string, message = code): Error {
  return Object.assign(new Error(message), { code });
}

function explained(error: unknown): RunnerError {
  const failed = new S3RequestError(s3FailureOf(error), error);
  return explainS3Error(failed, {
    location,
    credentials: 'environment variable AWS_ACCESS_KEY_ID',
    action: `store 'a'`,
  }) as RunnerError;
}

describe('explainS3Error', () => {
  it.each<[Error, number, string]>([
    [answered('InvalidAccessKeyId', 403), 2, `the server doesn't know the credentials from environment variable`],
    [answered('SignatureDoesNotMatch', 403), 2, 'the secret key is wrong in the credentials from environment variable'],
    [answered('ExpiredToken', 400), 2, 'expired credentials from environment variable AWS_ACCESS_KEY_ID; renew them'],
    [answered('AccessDenied', 403), 2, 'access denied to the credentials from environment variable AWS_ACCESS_KEY_ID'],
    [answered('Unknown', 403), 2, 'access denied'],
    [Object.assign(new Error('x'), { name: 'CredentialsProviderError' }), 2, 'no credentials found'],
    [
      answered('InvalidObjectState', 403),
      16,
      'in an archive class and must be thawed before it is read; have the server thaw it',
    ],
    [
      answered('AccessDenied', 403, {
        message:
          'User: arn:aws:sts::1:assumed-role/backup/x is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:1:key/1',
      }),
      2,
      `no right 'kms:GenerateDataKey' on the bucket's KMS key (User: arn:aws:sts::1:assumed-role/backup/x is`,
    ],
    [
      answered('KMS.DisabledException', 400, { message: 'arn:aws:kms:eu-west-1:1:key/1 is disabled.' }),
      2,
      `the bucket's KMS key can't be used (400 KMS.DisabledException: arn:aws:kms:eu-west-1:1:key/1 is disabled.); enable`,
    ],
    [answered('kms:KeyNotFound', 404), 2, `the bucket's KMS key can't be used (404 kms:KeyNotFound); enable the key`],
    [answered('KMS.ThrottlingException', 400), 1, '400 KMS.ThrottlingException; try again'],
    [answered('NoSuchBucket', 404), 10, 'the bucket does not exist'],
    [
      answered('PermanentRedirect', 301, { $response: { headers: { 'x-amz-bucket-region': 'eu-west-3' } } }),
      2,
      `in region 'eu-west-3'`,
    ],
    [answered('AuthorizationHeaderMalformed', 400, { Region: 'eu-west-2' }), 2, `add 'region=eu-west-2' to the URL`],
    [
      answered('AuthorizationHeaderMalformed', 400, { message: `the region 'a' is wrong; expecting 'eu-north-1'` }),
      2,
      `in region 'eu-north-1'`,
    ],
    [answered('PermanentRedirect', 301), 2, `the bucket is in another region; give the right 'region'`],
    [
      answered('RequestTimeTooSkewed', 403, { $response: { headers: { date: 'Mon, 23 Nov 2026 10:00:00 GMT' } } }),
      1,
      `the server's 2026-11-23T10:00:00.000Z`,
    ],
    [broken('DEPTH_ZERO_SELF_SIGNED_CERT'), 2, `name the authority's PEM file by 'caBundle='`],
    [broken('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 2, 'not trusted'],
    [broken('CERT_HAS_EXPIRED'), 2, 'caBundle'],
    [
      broken('ERR_TLS_CERT_ALTNAME_INVALID', 'Host: minio. is not in the cert'),
      2,
      'for another host name (Host: minio. is not in the cert)',
    ],
    [broken('EPROTO'), 2, `check 'http:' or 'https:' in 'endpoint'`],
    [broken('ECONNREFUSED'), 1, `endpoint 'https://minio:9000' can't be reached (ECONNREFUSED)`],
    [broken('ENOTFOUND'), 1, `endpoint 'https://minio:9000' can't be reached (ENOTFOUND)`],
    [answered('XMinioStorageFull', 507), 1, 'the server has no space left (XMinioStorageFull)'],
    [answered('SlowDown', 503), 1, '503 SlowDown; try again'],
    [answered('InternalError', 500, { message: 'We\n  broke' }), 1, '500 InternalError: We broke; try again'],
    [
      answered('NotImplemented', 501, { message: 'A header you provided implies functionality' }),
      2,
      `the server can't do what this needs (501 NotImplemented: A header you provided implies functionality); use another`,
    ],
    [broken('ECONNRESET', 'read ECONNRESET'), 1, 'ECONNRESET: read ECONNRESET; try again'],
  ])('says of %s with exit code %d: %s', (error, exitCode, text) => {
    const { exitCode: code, message, cause } = explained(error);

    expect(message).toContain(text);
    expect(message).toMatch(/^store 'a' in bucket 'backups': .+[^.]$/);
    expect(message).not.toContain('\n');
    expect(code).toBe(exitCode);
    expect(cause).toBe(error);
  });

  it('passes on what is no failure of a request', () => {
    const error = new Error('the source broke');

    expect(explainS3Error(error, { location, credentials: '', action: '' })).toBe(error);
  });
});

describe('credentialSource', () => {
  it.each([
    [{}, 'default profile or instance role'],
    [{ AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'top-secret' }, 'environment variable AWS_ACCESS_KEY_ID'],
    [{ AWS_PROFILE: 'p', AWS_ACCESS_KEY_ID: 'AKIA' }, `profile 'p' (AWS_PROFILE)`],
    [
      { AWS_WEB_IDENTITY_TOKEN_FILE: '/t', AWS_ROLE_ARN: 'arn:r' },
      `web identity of role 'arn:r' (AWS_WEB_IDENTITY_TOKEN_FILE)`,
    ],
    [{ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://c' }, 'pod identity (AWS_CONTAINER_CREDENTIALS_FULL_URI)'],
    [{ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/c' }, 'container role (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI)'],
  ])('calls the source in %j by its name', (env, source) => {
    expect(credentialSource(location, env)).toBe(source);
  });

  it('is the profile of the URL before all others', () => {
    const withProfile = parseS3Url('s3://backups?profile=of-url');

    expect(credentialSource(withProfile, { AWS_PROFILE: 'p', AWS_ACCESS_KEY_ID: 'AKIA' })).toBe(`profile 'of-url'`);
  });
});

describe('a failure', () => {
  it.each<[Error, { retryable: boolean; committed: boolean }]>([
    [answered('SlowDown', 503), { retryable: true, committed: false }],
    [answered('TooManyRequests', 429), { retryable: true, committed: false }],
    [answered('KMS.ThrottlingException', 400), { retryable: true, committed: false }],
    [answered('KMS.DisabledException', 400), { retryable: false, committed: false }],
    [answered('ServiceUnavailable', 503), { retryable: true, committed: true }],
    [answered('InternalError', 500), { retryable: true, committed: true }],
    [answered('RequestTimeout', 400), { retryable: true, committed: true }],
    [answered('ConditionalRequestConflict', 409), { retryable: true, committed: false }],
    [broken('ECONNRESET'), { retryable: true, committed: true }],
    [broken('ETIMEDOUT'), { retryable: true, committed: true }],
    [broken('ECONNREFUSED'), { retryable: true, committed: false }],
    [answered('XMinioStorageFull', 507), { retryable: false, committed: false }],
    [answered('NotImplemented', 501), { retryable: false, committed: false }],
    [answered('PreconditionFailed', 412), { retryable: false, committed: false }],
    [answered('AccessDenied', 403), { retryable: false, committed: false }],
    [answered('NoSuchKey', 404), { retryable: false, committed: false }],
    [broken('CERT_HAS_EXPIRED'), { retryable: false, committed: false }],
  ])('of %s is %j', (error, { committed, retryable }) => {
    expect(isRetryable(s3FailureOf(error))).toBe(retryable);
    expect(mayHaveCommitted(s3FailureOf(error))).toBe(committed);
  });
});
