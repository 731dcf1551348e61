import { z } from 'zod';

/** The version of manifests and indexes that this release writes, and the newest that it reads. */
export const FORMAT_VERSION = 1;

const sha256 = z
  .string()
  .regex(
    /^[0-9a-f]{64}(-[0-9]{1,5})?$/,
    'must be a SHA-256 in hex, with the number of parts behind it for large objects',
  );
const size = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const instant = z.iso.datetime();

/** An object of the repository with what its bytes must be. */
export const objectReference = z.object({ key: z.string().min(1).max(1024), size, sha256 });
export type ObjectReference = z.infer<typeof objectReference>;

/** Why a block or page of the source isn't in the point as the source shows it. */
export const damage = z.object({
  tenant: z.string(),
  block: z.string(),
  /** Name of the page, when only that of a WAL block is damaged. */
  page: z.string().optional(),
  reason: z.string(),
});
export type Damage = z.infer<typeof damage>;

export const tenantSummary = z.object({
  tenant: z.string(),
  index: objectReference,
  /** SHA-256 over the tenant's block IDs and the state of their meta.json at the source: equal means nothing changed. */
  fingerprint: z.string(),
  /** SHA-256 over the IDs of the blocks that were live at the source; absent where one was damaged there. */
  ids: z.string().optional(),
  blocks: z.number().int().nonnegative(),
  bytes: size,
  objects: z.number().int().nonnegative(),
  oldest: instant.nullable(),
  newest: instant.nullable(),
});
export type TenantSummary = z.infer<typeof tenantSummary>;

export const walPage = z.object({
  name: z.string().regex(/^[0-9]{10}$/),
  key: z.string().min(1).max(1024),
  size,
  sha256,
});

export const walBlock = z.object({
  id: z.uuid(),
  tenant: z.string(),
  encoding: z.string().regex(/^v[A-Za-z0-9-]{1,31}$/),
  /** The text of the WAL block's meta.json; a small file that Tempo rewrites with each cut, so it is kept here and not as an object. */
  meta: z.string().max(1024 * 1024),
  pages: z.array(walPage),
});
export type WalBlock = z.infer<typeof walBlock>;

const objectName = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/);

/** A Kubernetes object by what names it in its cluster. */
export const storedObject = z.object({
  apiVersion: z.string().regex(/^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[a-z0-9]{1,63}$/),
  kind: z.string().regex(/^[A-Za-z]{1,63}$/),
  namespace: objectName,
  name: objectName,
});

/** How a Secret was encrypted, and of which state of it: enough to tell that both are the same again, nothing about what is in it. */
export const secretEncryption = z.object({
  /** Of each file with public keys: its SHA-256, and the fingerprints of the keys in it, in hex. */
  recipients: z.array(z.object({ file: z.string(), fingerprints: z.array(z.string()) })),
  /** `scrypt:<salt>:<hash>` of the passphrase, both in hex; null when it can't be read with one. */
  passphrase: z.string().nullable(),
  /** The Secret's own, as the API gave them. */
  uid: z.string(),
  resourceVersion: z.string(),
});
export type SecretEncryption = z.infer<typeof secretEncryption>;

export const configFile = z.object({
  name: z.string(),
  kind: z.string(),
  key: z.string().min(1).max(1024),
  size,
  sha256,
  /** Absent for a file. */
  object: storedObject.optional(),
  /** Of a Secret: the stored bytes are an OpenPGP message. Absent for what is stored in clear. */
  encryption: secretEncryption.optional(),
});
export type ConfigFile = z.infer<typeof configFile>;

/** What became of a flush that was asked for before the cut. */
export const flushOutcome = z.object({
  /** Whether Tempo was told to; false: it couldn't be reached, or its version has no flush and does it by itself. */
  asked: z.boolean(),
  /** Whether everything that Tempo held when the run began lay in its backend before the deadline. */
  reached: z.boolean(),
  /** Milliseconds from the request to the cut. */
  waitedMs: size,
  /** What wasn't in the backend at the deadline: `<tenant>/<block ID>`. */
  open: z.array(z.string()),
  /** Why it wasn't reached, in a sentence. */
  reason: z.string().optional(),
});
export type FlushOutcome = z.infer<typeof flushOutcome>;

/** What is in a point, in a word each. */
export const COMPONENTS = ['blocks', 'wal', 'configuration', 'secrets'] as const;

/**
 * The JSON document of a recovery point, written last: the point exists exactly when it does.
 */
export const manifestSchema = z.object({
  format: z.literal(FORMAT_VERSION),
  id: z.string(),
  repository: z.uuid(),
  createdAt: instant,
  /** Every trace that was in a block or a closed WAL page at this time is in the point. */
  cutAt: instant,
  scope: z.enum(['all', 'config', 'data', 'wal']),
  /** The plan's rule that made it; null when started by hand. */
  rule: z.string().nullable(),
  /** How long it is kept, as a duration; null: until `prune` is told otherwise. */
  deleteAfter: z.string().nullable(),
  /** Why it is kept whatever `deleteAfter` says; null when it isn't pinned. */
  pin: z.string().nullable(),
  /** How long the pin holds, as a duration from when the storage saw the manifest. Absent: for ever, as older releases take every pin. */
  pinFor: z.string().optional(),
  runner: z.string(),
  /** How long the run that made it could have taken at most, in milliseconds; prune waits for as long. Absent in older points. */
  grace: size.optional(),
  source: z.object({
    /** The name that the configuration gives this Tempo. */
    name: z.string(),
    /** Namespace of the cluster that it ran in. Absent in older points, and for a Tempo outside a cluster. */
    namespace: z.string().optional(),
    /** Where blocks and WAL lay, relative to the folder that holds both: `traces` and `wal`, or `live-store/traces` in 3.0. */
    tracesPath: z.string(),
    walPath: z.string().nullable(),
    /** Tempo's version as far as known, such as `2.9` or `3.0`. */
    tempoVersion: z.string().nullable(),
    /** Where Tempo keeps its blocks. Absent in older points: `local`. */
    storage: z.enum(['local', 's3']).optional(),
  }),
  /** What is in it. Absent in older points. */
  components: z.array(z.enum(COMPONENTS)).optional(),
  /** Bytes of all that is in it, as a restore would write them. Absent in older points. */
  bytes: size.optional(),
  /** Absent when no flush was wanted: scopes wal and config, or no `tempo.url`. */
  flush: flushOutcome.optional(),
  /** Empty for a sound point; else what the point lacks or what vanished, in sentences. */
  suspect: z.array(z.string()),
  /** The newest point whose source had not regressed, when this one's has; what later points are compared with. */
  baseline: z.string().nullable(),
  damaged: z.array(damage),
  tenants: z.array(tenantSummary),
  wal: z.array(walBlock),
  config: z.array(configFile),
});
export type Manifest = z.infer<typeof manifestSchema>;

export const indexedFile = z.tuple([z.string(), size, sha256]);

export const indexedBlock = z.object({
  id: z.uuid(),
  /** Where its files lie when that isn't `blocks/<tenant>/<id>`: Tempo wrote the block again, with other bytes. */
  prefix: z.string().optional(),
  /** inode, size and modification time of meta.json at the source: unchanged means that the block needs no second look. */
  seen: z.string(),
  format: z.string(),
  start: instant,
  end: instant,
  objects: z.number().int().nonnegative(),
  level: z.number().int().nonnegative(),
  replicationFactor: z.number().int().nonnegative(),
  /** How the stored bytes are encoded. Absent: as Tempo wrote them, the only encoding so far. */
  encoding: z.literal('identity').optional(),
  /** Name, size and SHA-256 of each file; meta.json last. */
  files: z.array(indexedFile).min(1),
});
export type IndexedBlock = z.infer<typeof indexedBlock>;

/** One tenant's list of blocks. Points in which the list is the same share it. */
export const indexSchema = z.object({
  format: z.literal(FORMAT_VERSION),
  tenant: z.string(),
  blocks: z.array(indexedBlock),
});
export type TenantIndex = z.infer<typeof indexSchema>;

/** `repository.json`: created once, only if absent. */
export const repositorySchema = z.object({ format: z.literal(FORMAT_VERSION), id: z.uuid(), createdAt: instant });
export type RepositoryIdentity = z.infer<typeof repositorySchema>;

/** Thrown by `parseDocument`; the runner turns it into its own error and exit code. */
export class DocumentError extends Error {
  constructor(
    message: string,
    /** True when a newer release wrote the document, false when it is damaged. */
    readonly newer: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'DocumentError';
  }
}

/** Reads a JSON document of the repository and refuses a newer format by name, before anything else in it is looked at. */
export function parseDocument<T>(schema: z.ZodType<T>, what: string, text: string): T {
  const value = parseJson(what, text);
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > FORMAT_VERSION) {
    throw new DocumentError(
      `${what} has format ${format}, this release reads up to ${FORMAT_VERSION}; use a newer tempo-backup`,
      true,
    );
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new DocumentError(
    `${what} is damaged: '${issue?.path.join('.') ?? ''}' ${issue?.message ?? 'is invalid'}`,
    false,
  );
}

function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DocumentError(`${what} is damaged: it isn't JSON`, false, { cause });
  }
}
