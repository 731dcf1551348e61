import type { CommandName } from './command-line/commands';
import type { StorageActions } from './storage-rights';

/** A command that works on the bucket in which Tempo itself keeps its blocks. */
export type TempoBucketCommand = Extract<CommandName, 'backup' | 'restore' | 'rewind'>;

/**
 * The S3 actions that each command needs on Tempo's own bucket, below Tempo's prefix: exactly those that it calls. `backup` only reads,
 * `restore` adds, and none can delete a version: a deletion by `rewind` puts a delete marker.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 */
export const TEMPO_BUCKET_RIGHTS: Readonly<Record<TempoBucketCommand, StorageActions>> = {
  backup: { onObjects: ['s3:GetObject'], onBucket: ['s3:ListBucket'] },
  restore: {
    onObjects: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'],
    onBucket: ['s3:ListBucket', 's3:ListBucketMultipartUploads'],
  },
  rewind: {
    onObjects: [
      's3:GetObject',
      's3:GetObjectVersion',
      's3:PutObject',
      's3:AbortMultipartUpload',
      's3:DeleteObject',
      // A copy within a bucket takes the tags along, which Tempo can be told to put.
      's3:GetObjectVersionTagging',
      's3:PutObjectTagging',
    ],
    onBucket: ['s3:ListBucketVersions', 's3:GetBucketVersioning'],
  },
};

/** Those of them that request thaws there, which `THAW_RIGHTS.actions` permit: only where it is granted, as thaws cost money. */
export const TEMPO_THAW_COMMANDS: readonly TempoBucketCommand[] = ['rewind'];

/** Those commands, in the order of `--help`. */
export const TEMPO_BUCKET_COMMANDS = Object.keys(TEMPO_BUCKET_RIGHTS) as TempoBucketCommand[];
