import { ArchivedError, RepositoryMissingError, type RunnerError, StorageError, UsageError } from '../../errors';
import { asksToSlowDown, isDiskFull, isUnreachable, type S3Failure, S3RequestError } from './s3-failure';
import type { S3Location } from './s3-url';

export interface S3ErrorContext {
  readonly location: S3Location;
  /** See `credentialSource`. */
  readonly credentials: string;
  /** `verb object`, such as `store 'blocks/…'`. */
  readonly action: string;
}

type Explanation = (failure: S3Failure, context: S3ErrorContext) => RunnerError | undefined;

/** The server knows the key no more, or never did. */
const UNKNOWN_CREDENTIALS = new Set([
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'InvalidToken',
]);
const EXPIRED_CREDENTIALS = new Set(['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired']);
const NO_CREDENTIALS = new Set(['CredentialsProviderError', 'TokenProviderError', 'ProviderError']);
const DENIED = new Set(['AccessDenied', 'AccessDeniedException', 'AllAccessDisabled', 'AccountProblem', 'Forbidden']);
/** `KMS.DisabledException` of AWS, `kms:KeyNotFound` of MinIO. */
const KEY_FAILURE = /^kms[.:]/i;
const CERTIFICATE =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*|CERT_.*|ERR_TLS_.*|ERR_SSL_.*|INVALID_CA|EPROTO)$/;

/** Who forgets the endpoint of a server that isn't AWS hears of no region. */
const PLACE_ADVICE =
  "add '?endpoint=' (a server that isn't AWS) or '?region=' (AWS) to the URL ('endpoint' or 'region' in 'tempo.storage'), or set AWS_REGION";

/** Turns a request's failure into one line that says what, where and what to do. What isn't one passes as it is. */
export function explainS3Error(error: unknown, context: S3ErrorContext): unknown {
  if (!(error instanceof S3RequestError)) return error;
  const { cause, failure } = error;
  const explanations: Explanation[] = [
    archiveError,
    keyError,
    credentialError,
    bucketError,
    regionError,
    clockError,
    tlsError,
    serverError,
  ];
  for (const explanation of explanations) {
    const explained = explanation(failure, context);
    if (explained) return Object.assign(explained, { cause });
  }
  return Object.assign(storageError(failure, context, described(failure), 'try again'), { cause });
}

/** Does the work, and explains what of it fails, in a bucket that isn't the repository's. */
export async function explainedInBucket<T>(
  { location, credentials }: Omit<S3ErrorContext, 'action'>,
  action: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainBucketError(error, { action, credentials, location });
  }
}

/** As `explainS3Error`, of a bucket that isn't the repository's: that it is missing says nothing about the repository. */
function explainBucketError(error: unknown, context: S3ErrorContext): unknown {
  const explained = explainS3Error(error, context);
  if (!(explained instanceof RepositoryMissingError)) return explained;
  return new UsageError(explained.message, explained.evidence, { cause: explained.cause });
}

/** Where the SDK's default chain finds credentials, by the names of the variables only. */
export function credentialSource(location: S3Location, env: Readonly<Record<string, string | undefined>>): string {
  if (location.profile !== undefined) return `profile '${location.profile}'`;
  if (env['AWS_PROFILE']) return `profile '${env['AWS_PROFILE']}' (AWS_PROFILE)`;
  if (env['AWS_ACCESS_KEY_ID']) return 'environment variable AWS_ACCESS_KEY_ID';
  if (env['AWS_WEB_IDENTITY_TOKEN_FILE'])
    return `web identity of role '${env['AWS_ROLE_ARN'] ?? ''}' (AWS_WEB_IDENTITY_TOKEN_FILE)`;
  if (env['AWS_CONTAINER_CREDENTIALS_FULL_URI']) return 'pod identity (AWS_CONTAINER_CREDENTIALS_FULL_URI)';
  if (env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']) return 'container role (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI)';
  return `default profile or instance role`;
}

function credentialError(failure: S3Failure, context: S3ErrorContext): RunnerError | undefined {
  const { code, status } = failure;
  const from = `credentials from ${context.credentials}`;
  if (NO_CREDENTIALS.has(code)) {
    const advice = 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or the identity of the pod';
    return usageError(failure, context, `no credentials found (${context.credentials})`, advice);
  }
  if (UNKNOWN_CREDENTIALS.has(code)) {
    return usageError(failure, context, `the server doesn't know the ${from}`, 'use a key of this server or account');
  }
  if (code === 'SignatureDoesNotMatch') {
    return usageError(
      failure,
      context,
      `the secret key is wrong in the ${from}`,
      'use the secret that belongs to the access key',
    );
  }
  if (EXPIRED_CREDENTIALS.has(code)) return usageError(failure, context, `expired ${from}`, 'renew them');
  if (DENIED.has(code) || status === 401 || (status === 403 && code !== 'RequestTimeTooSkewed')) {
    const reason = failure.message === '' || failure.message === code ? '' : ` (${failure.message})`;
    const advice = 'check the keys, and grant what this command needs on the bucket and prefix';
    return usageError(failure, context, `access denied to the ${from}${reason}`, advice);
  }
  return undefined;
}

/** It comes with 403, but rights wouldn't help. */
function archiveError(failure: S3Failure, context: S3ErrorContext): RunnerError | undefined {
  if (failure.code !== 'InvalidObjectState') return undefined;
  const advice =
    "have the server thaw it, which takes minutes to days ('verify', 'restore' and 'rewind' request it with --thaw; not of INTELLIGENT_TIERING's archive tiers: have the server bring these back), then run it again";
  const cause = 'it is in an archive class and must be thawed before it is read';
  return new ArchivedError(line(context, cause, advice), evidence(failure, context));
}

/** Of the key that the bucket encrypts with: a right on it that is missing comes as one on the bucket would. */
function keyError(failure: S3Failure, context: S3ErrorContext): RunnerError | undefined {
  const { code, message } = failure;
  const [right] = DENIED.has(code) ? (/\bkms:[A-Z]\w+/.exec(message) ?? []) : [];
  if (right !== undefined) {
    const advice = `grant it on the key; where the key is another account's, in the key's own policy, too`;
    return usageError(failure, context, `no right '${right}' on the bucket's KMS key (${message})`, advice);
  }
  if (!KEY_FAILURE.test(code) || asksToSlowDown(failure)) return undefined;
  const advice = 'enable the key or cancel its deletion; what it encrypted can be read with no other';
  return usageError(failure, context, `the bucket's KMS key can't be used (${described(failure)})`, advice);
}

function bucketError(failure: S3Failure, context: S3ErrorContext): RunnerError | undefined {
  if (failure.code !== 'NoSuchBucket') return undefined;
  const advice = `correct the URL, or create the bucket`;
  return new RepositoryMissingError(line(context, 'the bucket does not exist', advice), evidence(failure, context));
}

function regionError(failure: S3Failure, context: S3ErrorContext): RunnerError | undefined {
  const { code, status, message } = failure;
  if (message === 'Region is missing')
    return usageError(failure, context, 'neither endpoint nor region is given', PLACE_ADVICE);
  const wrong =
    code === 'PermanentRedirect' || code === 'AuthorizationHeaderMalformed' || status === 301 || status === 307;
  if (!wrong && code !== 'IllegalLocationConstraintException') return undefined;
  const region = failure.bucketRegion ?? /expecting '([^']+)'/.exec(message)?.[1];
  if (region === undefined)
    return usageError(failure, context, 'the bucket is in another region', `give the right 'region' in the URL`);
  return usageError(failure, context, `the bucket is in region '${region}'`, `add 'region=${region}' to the URL`);
}

function clockError(failure: S3Failure, context: S3ErrorContext): RunnerError | undefined {
  if (failure.code !== 'RequestTimeTooSkewed') return undefined;
  const here = new Date().toISOString();
  const there = failure.serverTime?.toISOString() ?? 'unknown';
  return storageError(failure, context, `the clock here says ${here}, the server's ${there}`, 'set the clock by NTP');
}

function tlsError(failure: S3Failure, context: S3ErrorContext): RunnerError | undefined {
  const { code, status, message } = failure;
  if (status !== undefined || !CERTIFICATE.test(code)) return undefined;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return usageError(
      failure,
      context,
      `TLS failed: the server answers without it or with another version (${code})`,
      `check 'http:' or 'https:' in 'endpoint'`,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return usageError(
      failure,
      context,
      `TLS failed: the server's certificate is for another host name (${message})`,
      `use its name in 'endpoint'; 'caBundle' does not help here`,
    );
  }
  const advice = `name the authority's PEM file by 'caBundle=' in the URL, or renew the certificate`;
  return usageError(failure, context, `TLS failed: the server's certificate is not trusted (${code})`, advice);
}

function serverError(failure: S3Failure, context: S3ErrorContext): RunnerError | undefined {
  const { endpoint } = context.location;
  if (isDiskFull(failure)) {
    return storageError(
      failure,
      context,
      `the server has no space left (${failure.code})`,
      'free or add space, then run again',
    );
  }
  if (failure.status === 501) {
    const cause = `the server can't do what this needs (${described(failure)})`;
    return usageError(failure, context, cause, 'use another server or version');
  }
  if (isUnreachable(failure)) {
    const where = endpoint === undefined ? 'AWS' : `endpoint '${endpoint}'`;
    return storageError(
      failure,
      context,
      `${where} can't be reached (${failure.code})`,
      'check the name, the network and that the server runs',
    );
  }
  return undefined;
}

function usageError(failure: S3Failure, context: S3ErrorContext, cause: string, advice: string): UsageError {
  return new UsageError(line(context, cause, advice), evidence(failure, context));
}

function storageError(failure: S3Failure, context: S3ErrorContext, cause: string, advice: string): StorageError {
  return new StorageError(line(context, cause, advice), evidence(failure, context));
}

function line({ action, location }: S3ErrorContext, cause: string, advice: string): string {
  return `${action} in bucket '${location.bucket}': ${cause}; ${advice}`;
}

function described(failure: S3Failure): string {
  const answer = failure.status === undefined ? failure.code : `${failure.status} ${failure.code}`;
  return failure.message === '' || failure.message === failure.code ? answer : `${answer}: ${failure.message}`;
}

function evidence(failure: S3Failure, context: S3ErrorContext): Record<string, string | number | undefined> {
  return {
    bucket: context.location.bucket,
    endpoint: context.location.endpoint,
    code: failure.code,
    status: failure.status,
  };
}
