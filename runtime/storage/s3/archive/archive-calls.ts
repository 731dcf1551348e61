import { HeadObjectCommand, RestoreObjectCommand, type S3Client, type Tier } from '@aws-sdk/client-s3';
import type { ThawRequest } from '../../storage';
import type { ArchivedFacts, S3ArchiveApi } from './s3-archive';

const ARCHIVE_CLASSES = ['GLACIER', 'DEEP_ARCHIVE'];
const TIERS: Readonly<Record<ThawRequest['tier'], Tier>> = {
  standard: 'Standard',
  bulk: 'Bulk',
  expedited: 'Expedited',
};

/** Nothing for a class whose objects can be read at once. */
export function archiveClassIn(storageClass: string | undefined): { readonly archiveClass?: string } {
  return storageClass !== undefined && ARCHIVE_CLASSES.includes(storageClass) ? { archiveClass: storageClass } : {};
}

/** Asking for objects of archive classes, with the AWS SDK. */
export class SdkArchiveApi implements S3ArchiveApi {
  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
  ) {}

  async lookUp(key: string, signal?: AbortSignal): Promise<ArchivedFacts> {
    const command = new HeadObjectCommand({ Bucket: this.bucket, Key: key });
    const { StorageClass, Restore } = await this.client.send(command, { abortSignal: signal });
    return { ...archiveClassIn(StorageClass), restore: Restore };
  }

  async restore(key: string, { tier, days }: ThawRequest, signal?: AbortSignal): Promise<void> {
    const RestoreRequest = { Days: days, GlacierJobParameters: { Tier: TIERS[tier] } };
    const command = new RestoreObjectCommand({ Bucket: this.bucket, Key: key, RestoreRequest });
    await this.client.send(command, { abortSignal: signal });
  }
}
