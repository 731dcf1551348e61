import {
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  type ObjectLockRetention,
  type ObjectLockRetentionMode,
  PutObjectRetentionCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ObjectLock } from '../../storage';
import type { S3BucketLock, S3LockApi } from './s3-locks';

const DAY = 24 * 60 * 60 * 1000;
/** As S3 counts it. */
const YEAR = 365 * DAY;

/** Asking for locks and making them longer, with the AWS SDK. Nothing here bypasses governance. */
export class SdkLockApi implements S3LockApi {
  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
  ) {}

  async bucketLock(signal?: AbortSignal): Promise<S3BucketLock | undefined> {
    const command = new GetObjectLockConfigurationCommand({ Bucket: this.bucket });
    const { ObjectLockConfiguration: found } = await this.client.send(command, { abortSignal: signal });
    if (found?.ObjectLockEnabled !== 'Enabled') return undefined;
    const { Mode, Days = 0, Years = 0 } = found.Rule?.DefaultRetention ?? {};
    const period = Days * DAY + Years * YEAR;
    return period > 0 && Mode !== undefined ? { period, mode: Mode } : {};
  }

  async objectLock(key: string, signal?: AbortSignal): Promise<ObjectLock | undefined> {
    const command = new GetObjectRetentionCommand({ Bucket: this.bucket, Key: key });
    const { Retention } = await this.client.send(command, { abortSignal: signal });
    return lockOf(Retention);
  }

  async legalHold(key: string, signal?: AbortSignal): Promise<boolean> {
    const command = new GetObjectLegalHoldCommand({ Bucket: this.bucket, Key: key });
    const { LegalHold } = await this.client.send(command, { abortSignal: signal });
    return LegalHold?.Status === 'ON';
  }

  async lockUntil(key: string, { mode, until }: ObjectLock, signal?: AbortSignal): Promise<void> {
    const Retention = { Mode: mode as ObjectLockRetentionMode, RetainUntilDate: until };
    const command = new PutObjectRetentionCommand({ Bucket: this.bucket, Key: key, Retention });
    await this.client.send(command, { abortSignal: signal });
  }
}

function lockOf(retention: ObjectLockRetention | undefined): ObjectLock | undefined {
  const { Mode: mode, RetainUntilDate: until } = retention ?? {};
  return mode === undefined || until === undefined ? undefined : { mode, until };
}
