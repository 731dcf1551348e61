import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { StorageError } from '../../../errors';
import { required } from '../required';
import { type ListPage, parseListPage } from './list-page';

/** What the SDK is left to read of an answer that is read already. */
const READ = Buffer.from('<ListBucketResult/>');

/**
 * Asks for one page of a listing. The SDK sends, signs and answers for errors; of what it received, it parses only what isn't understood at
 * first sight. Keys and prefixes are percent-encoded, as XML can't hold every character that a key can.
 */
export async function listPage(
  client: S3Client,
  input: Omit<ListObjectsV2CommandInput, 'EncodingType'>,
  signal?: AbortSignal,
): Promise<ListPage> {
  const command = new ListObjectsV2Command({ ...input, EncodingType: 'url' });
  let page: ListPage | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as { statusCode: number; body: unknown };
      if (response.statusCode !== 200) return result;
      const body = await buffer(response.body as Readable);
      const text = body.toString('utf8');
      page = parseListPage(text);
      // The SDK's parser would take it for a listing of nothing.
      if (!page && !text.includes('ListBucketResult') && !text.includes('<Error')) throw noListing();
      response.body = page ? READ : body;
      return result;
    },
    // The innermost: what it sees nobody has parsed.
    { step: 'deserialize', priority: 'low', name: 'readListPage' },
  );
  const output = await client.send(command, { abortSignal: signal });
  return page ?? pageOf(output);
}

function noListing(): StorageError {
  return new StorageError(
    "read the server's answer: it is no listing; check that 'endpoint' is an S3 server, not a proxy or its login page",
  );
}

function pageOf(output: ListObjectsV2CommandOutput): ListPage {
  const { Contents = [], CommonPrefixes = [], IsTruncated, NextContinuationToken } = output;
  const objects = Contents.map(({ Key, Size, LastModified, ETag, StorageClass }) => ({
    key: required(Key, 'Key'),
    size: required(Size, 'Size'),
    modifiedAt: required(LastModified, 'LastModified'),
    etag: required(ETag, 'ETag'),
    ...(StorageClass === undefined ? {} : { storageClass: StorageClass }),
  }));
  const folders = CommonPrefixes.map(({ Prefix }) => required(Prefix, 'Prefix'));
  return {
    objects,
    folders,
    ...(IsTruncated ? { continuation: required(NextContinuationToken, 'NextContinuationToken') } : {}),
  };
}
