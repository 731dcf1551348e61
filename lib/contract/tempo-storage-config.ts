import { z } from 'zod';

const absolutePath = z.string().regex(/^\//, "must be an absolute path, such as '/var/tempo/traces'");

const local = z.strictObject({
  backend: z.literal('local').default('local').describe('Tempo keeps its blocks in a folder.'),
  path: absolutePath.default('/var/tempo/traces').describe("Folder of the blocks: Tempo's `storage.trace.local.path`."),
  walPath: absolutePath
    .optional()
    .describe(
      "Folder of the WAL: Tempo's `storage.trace.wal.path`, in 3.0 `live_store.wal.path`. Absent: `wal` or `live-store/traces` beside the blocks, when there.",
    ),
});

const s3 = z.strictObject({
  backend: z.literal('s3').describe('Tempo keeps its blocks in a bucket of S3, or of a server that speaks S3.'),
  bucket: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/, "must be the name of a bucket, such as 'tempo-traces'")
    .describe("Tempo's `storage.trace.s3.bucket`."),
  prefix: z
    .string()
    .regex(/^[^/?#]+(\/[^/?#]+)*$/, "must be a prefix such as 'tempo/prod', without slashes at its ends")
    .optional()
    .describe("Tempo's `storage.trace.s3.prefix`. Absent: the blocks lie at the top of the bucket."),
  endpoint: z
    .string()
    .regex(/^https?:\/\/[^\s@/]+\/?$/, "must be a URL such as 'https://minio:9000', without credentials")
    .optional()
    .describe('Address of a server that is not AWS. Absent: AWS.'),
  region: z
    .string()
    .min(1)
    .optional()
    .describe('Region of the bucket. Absent: as the environment or the profile says.'),
  pathStyle: z
    .boolean()
    .optional()
    .describe('The bucket in the path instead of the host name. Absent: true with `endpoint`, else false.'),
  profile: z
    .string()
    .min(1)
    .optional()
    .describe('Profile of the AWS configuration files that has the credentials. Absent: the usual chain.'),
  caBundle: absolutePath.optional().describe('PEM file of the authorities to trust besides the usual ones.'),
  walPath: absolutePath
    .optional()
    .describe(
      'Folder of the WAL where this program runs. Absent: what Tempo has not flushed to the bucket yet is in no recovery point.',
    ),
});

/** Where a Tempo keeps its data: a folder, unless `backend` says something else. */
export const tempoStorageSchema = z.discriminatedUnion('backend', [local, s3]);

/** Where a Tempo keeps its data, with every default filled in. */
export type TempoStorage = z.output<typeof tempoStorageSchema>;

/** A Tempo whose blocks lie in a folder. */
export type LocalTempoStorage = Extract<TempoStorage, { backend: 'local' }>;

/** A Tempo whose blocks lie in a bucket. */
export type S3TempoStorage = Extract<TempoStorage, { backend: 's3' }>;

/** The bucket, its prefix and its server as a URL, in the form that a repository's has. */
export function tempoBucketUrl(storage: S3TempoStorage): string {
  const parameters = new URLSearchParams();
  for (const name of ['region', 'endpoint', 'pathStyle', 'profile', 'caBundle'] as const) {
    const value = storage[name];
    if (value !== undefined) parameters.set(name, String(value));
  }
  const prefix = (storage.prefix ?? '').split('/').map(encodeURIComponent).join('/');
  const query = parameters.size === 0 ? '' : `?${parameters.toString()}`;
  return `s3://${storage.bucket}${prefix === '' ? '' : `/${prefix}`}${query}`;
}
