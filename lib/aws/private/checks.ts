import type { Check } from './validated-input';

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export const bucketName: Check<string> = (name) =>
  /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !/\.\.|^xn--/.test(name)
    ? undefined
    : `must be 3 to 63 lower-case letters, digits, dots and dashes, got '${name}'`;

/** As buckets are named in policies and by trails. */
export const bucketArn: Check<string> = (text) =>
  /^arn:[^:]+:s3:::[^/*?]+$/.test(text) ? undefined : `must be the ARN of a bucket, got '${text}'`;

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html */
export const trailName: Check<string> = (name) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]$/.test(name) && !/[._-]{2}/.test(name)
    ? undefined
    : `must be 3 to 128 letters, digits and single dots, dashes and underscores between them, got '${name}'`;

export const region: Check<string> = (name) =>
  /^[a-z]{2}(-[a-z]+)+-\d+$/.test(name)
    ? undefined
    : `must be the code of a region, such as 'eu-west-1', got '${name}'`;

export const arn: Check<string> = (text) =>
  /^arn:[^:]+:[^:]+:/.test(text) ? undefined : `must be an ARN, got '${text}'`;

/** That policies can be about it: S3 takes an alias, too, and what they grant on an alias holds for nothing. */
export const kmsKeyArn: Check<string> = (text) =>
  /^arn:[^:]+:kms:[^:]*:[^:]*:key\/./.test(text)
    ? undefined
    : `must be an ARN of a KMS key (arn:…:kms:…:key/…), not of an alias, got '${text}'`;

/** A URL that can be shown to anybody. */
export const serverUrl: Check<string> = (text) => {
  const { protocol, username, password } = URL.canParse(text) ? new URL(text) : new URL('none:');
  if (username !== '' || password !== '')
    return "must be without credentials, which the component's outputs would show; the provider and the runner get theirs elsewhere";
  return /^https?:$/.test(protocol)
    ? undefined
    : `must be a URL such as 'https://minio.example.com:9000', got '${text}'`;
};

/** That S3 can encrypt with this key: it takes one of another region without a word, and then refuses each object. */
export function keyOfRegion(region: string): Check<string> {
  return (keyArn) =>
    keyArn.split(':')[3] === region ? undefined : `must be a key of the bucket's region '${region}', got '${keyArn}'`;
}

export const notEmpty: Check<string> = (text) => (text === '' ? "must not be empty, got ''" : undefined);

export function wholeNumber(least: number, most: number): Check<number> {
  return (value) =>
    Number.isInteger(value) && value >= least && value <= most
      ? undefined
      : `must be a whole number from ${least} to ${most}, got ${value}`;
}

export function oneOf(...values: readonly string[]): Check<string> {
  return (value) => (values.includes(value) ? undefined : `must be one of ${values.join(', ')}, got '${value}'`);
}
