import { HeadObjectCommand, RestoreObjectCommand, type S3Client, type Tier } from '@aws-sdk/client-s3';
import type { ThawRequest } from '../../storage';
import type { ArchivedFacts, ArchivedKey, S3ArchiveApi } from './s3-archive';

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

  async lookUp({ key, versionId }: ArchivedKey, signal?: AbortSignal): Promise<ArchivedFacts> {
    const command = new HeadObjectCommand({ Bucket: this.bucket, Key: key, VersionId: versionId });
    const { StorageClass, Restore } = await this.client.send(command, { abortSignal: signal });
    return { ...archiveClassIn(StorageClass), restore: Restore };
  }

  async restore({ key, versionId }: ArchivedKey, { tier, days }: ThawRequest, signal?: AbortSignal): Promise<void> {
    const RestoreRequest = { Days: days, GlacierJobParameters: { Tier: TIERS[tier] } };
    const named = { Bucket: this.bucket, Key: key, VersionId: versionId };
    const command = new RestoreObjectCommand({ ...named, RestoreRequest });
    await this.client.send(command, { abortSignal: signal });
  }
}
