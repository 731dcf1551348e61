import { fileURLToPath } from 'node:url';
import { UsageError } from '../errors';
import type * as S3 from './s3';
import { FileStorage } from './file-storage';
import type { Bucket, VersionedBucket } from './bucket';
import type { Storage } from './storage';

export interface OpenStorageOptions {
  /** Makes the folder or prefix when it is absent; buckets are never made. */
  readonly create: boolean;
  /** Ends what is under way, with nothing half done. */
  readonly signal?: AbortSignal;
}

const EXAMPLES = "write 'file:///srv/backup' for a folder, or 's3://bucket/prefix?region=eu-central-1' for a bucket";

/** Opens the storage that a repository's URL names. */
export async function openStorage(url: string, options: OpenStorageOptions): Promise<Storage> {
  const parsed = parseUrl(url);
  switch (parsed.protocol) {
    case 'file:':
      return FileStorage.open(folderOf(parsed), { create: options.create, signal: options.signal });
    case 's3:':
      return loadS3().openS3Storage(url, options);
    default:
      throw new UsageError(`open repository '${withoutSecrets(url)}': '${parsed.protocol}' is unknown; ${EXAMPLES}`);
  }
}

/** Opens a bucket that is only looked at. */
export function openBucket(url: string, signal?: AbortSignal): Bucket {
  return loadS3().openS3Bucket(url, { signal });
}

/** Opens a bucket with its earlier versions. */
export function openVersions(url: string, signal?: AbortSignal): VersionedBucket {
  return loadS3().openS3Versions(url, { signal });
}

/** Loaded when it is needed: the SDK costs a run on a disk time and memory for nothing. */
function loadS3(): typeof S3 {
  // An `import()` would need the name that the compiled file has, which tests don't have.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return require('./s3') as typeof S3;
}

function parseUrl(url: string): URL {
  if (/^[a-z0-9+.-]+:/i.test(url) && URL.canParse(url)) return new URL(url);
  const suggestion = url.startsWith('/') ? `write 'file://${encodeURI(url)}'` : EXAMPLES;
  throw new UsageError(`open repository '${withoutSecrets(url)}': it is no URL; ${suggestion}`);
}

function folderOf(url: URL): string {
  const refuse = (cause: string): UsageError =>
    new UsageError(`open repository '${withoutSecrets(url.href)}': ${cause}; for example 'file:///srv/backup'`);
  if (url.host !== '')
    throw refuse(`'${url.host}' is taken for a machine; a folder needs three slashes and an absolute path`);
  if (url.search !== '' || url.hash !== '')
    throw refuse(`a folder has no options; write '?' as %3F and '#' as %23 if they are part of its name`);
  if (url.pathname === '/' || url.pathname === '')
    throw refuse('the top of the file system is no place for a repository');
  if (/%2f|%00/i.test(url.pathname)) throw refuse('%2F and %00 can be part of no name');
  return fileURLToPath(url);
}

/** URLs are shown in errors and logs, and some people write credentials into them. */
function withoutSecrets(url: string): string {
  return url
    .replace(/\/\/[^/@]*@/, '//***@')
    .replace(/([?&][^=&]*(?:key|secret|token|password)[^=&]*=)[^&]*/gi, '$1***');
}
