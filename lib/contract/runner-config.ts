import { z } from 'zod';
import { parseConfig } from './values/config-error';
import { durationText } from './values/duration-text';
import { kubernetesSchema } from './kubernetes-config';
import { encryptionSchema } from './encryption-config';
import { planSchema } from './plan/plan';
import { tempoStorageSchema } from './tempo-storage-config';

/** Where the runner looks for its configuration when not told, in this order. */
export const CONFIG_LOOKUP = ['./tempo-backup.yaml', '/etc/tempo-backup/config.yaml'] as const;

const tempoSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be up to 63 letters, digits, dots, dashes and underscores')
    .default('tempo')
    .describe('Name of this Tempo. A repository takes recovery points of one Tempo only, told apart by this name.'),
  url: z
    .string()
    .superRefine(checkTempoUrl)
    .optional()
    .describe(
      "Tempo's HTTP address: asked for its version, told to flush; a rewind doesn't begin while it answers. Absent: no flush, and the version is inferred from the data.",
    ),
  flush: z
    .strictObject({
      deadline: durationText
        .default('10m')
        .describe(
          'How long a backup waits until what Tempo held in memory lies in its backend. A backup that waits in vain goes on and says so.',
        ),
    })
    .prefault({})
    .describe('The flush before recovery points of scope all and data.'),
  storage: tempoStorageSchema.prefault({}).describe('Where the data of Tempo lies.'),
  configFiles: z
    .array(absolutePath())
    .default([])
    .describe(
      "Tempo's configuration files: part of each recovery point of scope all and config, and asked for Tempo's retention.",
    ),
  configFolders: z
    .array(absolutePath())
    .default([])
    .describe(
      "Folders with Tempo's configuration as it is now, such as mounted ConfigMaps: a restore asks it for Tempo's retention. Empty or missing ones count as not said: then the configuration in the recovery point is asked.",
    ),
  version: z
    .string('must be a quoted string, such as "2.10": without quotes YAML reads the number 2.1')
    .regex(/^\d+\.\d+(\.\d+)?$/, "must be a version such as '2.9'")
    .optional()
    .describe("Tempo's version. Absent: inferred from its data."),
  retention: durationText.optional().describe("Tempo's block retention. Absent: as its configuration files say."),
  owner: z
    .string()
    .regex(/^\d+:\d+$/, "must be a user and a group number, such as '10001:10001'")
    .optional()
    .describe(
      'User and group number that restored files get. Absent: the owner of the existing folder, else the current user.',
    ),
});

const repositorySchema = z.strictObject({
  url: z
    .string("must be a URL such as 'file:///srv/backup' (or given with --repository URL)")
    .superRefine(checkRepositoryUrl)
    .describe(
      'Where the repository lies: `file:///path` or `s3://bucket/prefix?region=R`. The flag --repository overrides it.',
    ),
  create: z
    .boolean()
    .default(true)
    .describe(
      'Whether a missing repository is created. Set it to false once it exists: then a vanished one is an error.',
    ),
});

export const runnerConfigSchema = z.strictObject({
  tempo: tempoSchema.prefault({}).describe('The Tempo that is backed up and restored.'),
  repository: repositorySchema.describe('Where recovery points are kept.'),
  kubernetes: kubernetesSchema
    .optional()
    .describe(
      'The Kubernetes objects of Tempo. Absent: Tempo runs outside a cluster, and `tempo.configFiles` are taken.',
    ),
  encryption: encryptionSchema
    .prefault({})
    .describe('How Secrets are stored: only ever encrypted by OpenPGP, readable by stock gpg.'),
  plan: planSchema
    .prefault({})
    .describe('What is backed up when, and for how long it is kept. What is left out is as recommended.'),
});

/** The runner's configuration, with every default filled in. */
export type RunnerConfig = z.output<typeof runnerConfigSchema>;

/** The runner's configuration as a user writes it. */
export type RunnerConfigInput = z.input<typeof runnerConfigSchema>;

/** What flags say over the configuration file. */
export interface ConfigOverrides {
  /**
   * URL of the repository, in place of `repository.url`.
   *
   * @default - as the configuration says
   */
  readonly repository?: string | undefined;
}

/** Reads a configuration, already parsed from YAML or JSON. Throws `ConfigError`; an empty file (null) is an empty mapping. */
export function parseRunnerConfig(value: unknown, overrides: ConfigOverrides = {}): RunnerConfig {
  const document = value ?? {};
  // Anything but a mapping is left to the schema, whose message names the place.
  if (typeof document !== 'object' || Array.isArray(document)) return parseConfig(runnerConfigSchema, document);
  const { repository = {} } = document as { repository?: unknown };
  const overridden =
    overrides.repository === undefined || typeof repository !== 'object'
      ? repository
      : { ...repository, url: overrides.repository };
  return parseConfig(runnerConfigSchema, { ...document, repository: overridden });
}

/** JSON Schema of the configuration file, for editors. */
export function runnerConfigJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(runnerConfigSchema, { io: 'input' }),
    title: 'tempo-backup',
    description: 'Configuration of the tempo-backup runner',
  };
}

function absolutePath() {
  return z.string().regex(/^\//, "must be an absolute path, such as '/var/tempo/traces'");
}

function checkTempoUrl(url: string, context: z.RefinementCtx): void {
  if (/^https?:\/\/[^\s@]+$/.test(url)) return;
  context.addIssue({
    code: 'custom',
    message: `must be a URL such as 'http://tempo:3200', without credentials, got '${withoutCredentials(url)}'`,
  });
}

function checkRepositoryUrl(url: string, context: z.RefinementCtx): void {
  if (/^file:\/\/\/./.test(url) || /^s3:\/\/[a-z0-9][a-z0-9.-]+/.test(url)) return;
  const shown = withoutCredentials(url);
  const meant = url.startsWith('/')
    ? `did you mean 'file://${url}'?`
    : "write 'file:///srv/backup' or 's3://bucket/prefix?region=eu-west-1'";
  context.addIssue({ code: 'custom', message: `must be the URL of a repository, got '${shown}'; ${meant}` });
}

/** People do write credentials into URLs, and messages end up in logs. */
function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//***@');
}
