import { ExitCode } from '../exit-codes';
import { type OptionDefinition, type PositionalDefinition, type ValuesOf } from './option-definition';
import { SCOPES } from '../plan/rule';

/** A command of the runner, as data. */
export interface CommandDefinition {
  /** As it is typed. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Arguments without a name, in order; all are required. */
  readonly positionals: readonly PositionalDefinition[];
  /** Options of its own, before the common ones. */
  readonly options: readonly OptionDefinition[];
  /** A useful call. */
  readonly example: string;
  /** How it can end. */
  readonly exitCodes: readonly ExitCode[];
}

/** Options that every command has. */
export const COMMON_OPTIONS = [
  {
    name: 'config',
    type: 'string',
    value: 'FILE',
    description: 'configuration file; else ./tempo-backup.yaml, then /etc/tempo-backup/config.yaml',
  },
  {
    name: 'repository',
    type: 'string',
    value: 'URL',
    description: 'repository, in place of the one in the configuration',
  },
  {
    name: 'output',
    type: 'string',
    choices: ['text', 'json'],
    default: 'text',
    description: 'form of the result on standard output',
  },
  {
    name: 'log-format',
    type: 'string',
    choices: ['text', 'json'],
    description: 'form of the log on standard error; else text on a terminal, json elsewhere',
  },
  {
    name: 'log-level',
    type: 'string',
    choices: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    description: 'least level that is logged',
  },
] as const satisfies readonly OptionDefinition[];

const DRY_RUN = { name: 'dry-run', type: 'boolean', description: 'say what would be done and do nothing' } as const;

const {
  DONE,
  FAILED,
  CONFIGURATION,
  REPOSITORY_MISSING,
  LOCKED,
  INTEGRITY,
  OBJECTIVE_MISSED,
  SOURCE_REGRESSED,
  REFUSED,
  INTERRUPTED,
} = ExitCode;

const backup = {
  name: 'backup',
  summary: 'make a recovery point: store what the repository lacks, then the manifest',
  positionals: [],
  options: [
    {
      name: 'scope',
      type: 'string',
      choices: SCOPES,
      description:
        "all and config also take Tempo's configuration files, all and data have Tempo flushed first; blocks, WAL and Kubernetes objects are always taken; else what the rule says, else 'all'",
    },
    {
      name: 'rule',
      type: 'string',
      value: 'NAME',
      description: 'rule of the plan that it is made for, which says how long it is kept',
    },
    { name: 'pin', type: 'string', value: 'REASON', description: 'keep it for ever, for this reason' },
    {
      name: 'allow',
      type: 'strings',
      choices: ['source-regression', 'other-source', 'empty-source'],
      description:
        'lift a guard: blocks vanished without explanation; the repository belongs to another Tempo; there is nothing to back up',
    },
  ],
  example: 'tempo-backup backup --config tempo-backup.yaml',
  exitCodes: [
    DONE,
    FAILED,
    CONFIGURATION,
    REPOSITORY_MISSING,
    INTEGRITY,
    OBJECTIVE_MISSED,
    SOURCE_REGRESSED,
    REFUSED,
    INTERRUPTED,
  ],
} as const satisfies CommandDefinition;

const list = {
  name: 'list',
  summary: 'list the recovery points, newest first',
  positionals: [],
  options: [],
  example: 'tempo-backup list --output json',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, INTERRUPTED],
} as const satisfies CommandDefinition;

const show = {
  name: 'show',
  summary: 'show one recovery point: tenants, blocks, write-ahead log, what it lacks',
  positionals: [{ name: 'id', value: 'ID', format: 'point', description: "ID of the recovery point, or 'latest'" }],
  options: [
    {
      name: 'config-diff',
      type: 'string',
      value: 'ID',
      format: 'point',
      description: "what changed in Tempo's configuration since this recovery point; of Secrets only which changed",
    },
  ],
  example: 'tempo-backup show latest',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, INTERRUPTED],
} as const satisfies CommandDefinition;

const verify = {
  name: 'verify',
  summary: 'prove that recovery points can be restored',
  positionals: [],
  options: [
    {
      name: 'recovery-point',
      type: 'string',
      value: 'latest|all|ID',
      format: 'points',
      default: 'latest',
      description: 'which recovery points; of all, the longest unverified first',
    },
    {
      name: 'level',
      type: 'string',
      choices: ['quick', 'full', 'content'],
      default: 'quick',
      description: 'quick: everything is there; full: every byte is right; content: every trace can be read',
    },
    {
      name: 'max-bytes',
      type: 'string',
      value: 'SIZE',
      format: 'size',
      description: 'read no more than this, such as 10GiB; the next run goes on',
    },
  ],
  example: 'tempo-backup verify --recovery-point all --level full --max-bytes 10GiB',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, INTERRUPTED],
} as const satisfies CommandDefinition;

const restore = {
  name: 'restore',
  summary: 'bring data back: stage, verify, move into place; nothing is deleted',
  positionals: [],
  options: [
    {
      name: 'recovery-point',
      type: 'string',
      value: 'latest|latest-verified|ID|TIME',
      format: 'point-or-time',
      default: 'latest',
      description:
        'which recovery point; latest-verified: the newest that is sound and was verified; for a time, the newest made until then',
    },
    {
      name: 'target',
      type: 'string',
      value: 'DIR|URL',
      description: 'folder or s3:// bucket to restore into; else where the configuration says that the data lies',
    },
    {
      name: 'scope',
      type: 'string',
      choices: ['full', 'config', 'data', 'wal', 'all'],
      default: 'all',
      description:
        'blocks, write-ahead log or both (all); in a cluster also the Kubernetes objects (config) or everything (full)',
    },
    { name: 'tenant', type: 'strings', value: 'TENANT', format: 'tenant', description: 'only this tenant' },
    {
      name: 'from',
      type: 'string',
      value: 'TIME',
      format: 'instant',
      description: 'only blocks with data from this time on; without a zone it is UTC',
    },
    {
      name: 'to',
      type: 'string',
      value: 'TIME',
      format: 'instant',
      description: 'only blocks with data until this time; without a zone it is UTC',
    },
    { name: 'block', type: 'strings', value: 'ID', format: 'block', description: 'only this block' },
    {
      name: 'trace-id',
      type: 'string',
      value: 'ID',
      format: 'trace-id',
      description: 'only blocks that hold this trace',
    },
    {
      name: 'into-tenant',
      type: 'string',
      value: 'TENANT',
      format: 'tenant',
      description: 'restore under the name of this tenant',
    },
    DRY_RUN,
    {
      name: 'in-cluster',
      type: 'boolean',
      description: 'start the restore job in the cluster of KUBECONFIG with these options, and follow it',
    },
    {
      name: 'coordinate',
      type: 'boolean',
      description: 'what the restore job itself runs: stop Tempo, have the data moved, start Tempo, compare',
    },
    {
      name: 'clear-wal',
      type: 'boolean',
      description: 'move the write-ahead log aside and restore none, when it is what keeps Tempo from starting',
    },
    {
      name: 'replace',
      type: 'boolean',
      description:
        'replace what is there, with --block just that block: it is moved aside, and the result says where to',
    },
    {
      name: 'tempo-version',
      type: 'string',
      value: 'VERSION',
      format: 'version',
      description: 'version of the Tempo that will read it; else as configured',
    },
    {
      name: 'allow',
      type: 'strings',
      choices: [
        'retention',
        'block-version',
        'replication-factor',
        'free-space',
        'owner',
        'damaged',
        'wal-timeout',
        'other-source',
      ],
      description: 'lift a guard, by the name that its refusal gives',
    },
  ],
  example: 'tempo-backup restore --recovery-point latest --target /tmp/check --dry-run',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, LOCKED, INTEGRITY, REFUSED, INTERRUPTED],
} as const satisfies CommandDefinition;

const prune = {
  name: 'prune',
  summary: 'remove recovery points past their retention, and what no other one needs',
  positionals: [],
  options: [
    DRY_RUN,
    {
      name: 'allow',
      type: 'strings',
      choices: ['mass-deletion', 'suspect-source'],
      description: 'lift a guard: more would go than the plan permits; the newest recovery point is suspect',
    },
  ],
  example: 'tempo-backup prune --dry-run',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, REFUSED, INTERRUPTED],
} as const satisfies CommandDefinition;

const snapshot = {
  name: 'snapshot',
  summary: "volume snapshots of Tempo's claims: create, list, prune, restore",
  positionals: [
    {
      name: 'action',
      value: 'create|list|prune|restore',
      choices: ['create', 'list', 'prune', 'restore'],
      description:
        'create one of each claim and wait until it is ready; list them; prune by rule; make a claim of one (restore)',
    },
  ],
  options: [
    {
      name: 'rule',
      type: 'string',
      value: 'NAME',
      description: 'create: volume snapshot rule of the plan that it is made for, which says how long it is kept',
    },
    { name: 'name', type: 'string', value: 'NAME', description: 'restore: the volume snapshot' },
    {
      name: 'claim',
      type: 'string',
      value: 'NAME',
      description: 'create: only this claim; restore: name of the new claim, else CLAIM-restored-TIME',
    },
    {
      name: 'deadline',
      type: 'string',
      value: 'DURATION',
      format: 'duration',
      description:
        "create, restore: how long each wait may take, such as until it is ready; else what the rule says, else '30m'",
    },
    {
      name: 'swap',
      type: 'boolean',
      description: "restore: put the new claim in the place of Tempo's own, which is kept, or say the manual steps",
    },
    DRY_RUN,
    {
      name: 'allow',
      type: 'strings',
      choices: ['other-tempo'],
      description: "restore: lift a guard: the volume snapshot isn't one of this Tempo's claims",
    },
  ],
  example: 'tempo-backup snapshot create --rule daily',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, REFUSED, INTERRUPTED],
} as const satisfies CommandDefinition;

const rewind = {
  name: 'rewind',
  summary: "bring Tempo's bucket back to a moment from its versions, deleting none",
  positionals: [],
  options: [
    {
      name: 'to',
      type: 'string',
      value: 'TIME',
      format: 'instant',
      description: 'the moment, such as 2026-11-23T08:30:00Z; without a zone it is UTC',
    },
    { name: 'tenant', type: 'strings', value: 'TENANT', format: 'tenant', description: 'only this tenant' },
    DRY_RUN,
    {
      name: 'allow',
      type: 'strings',
      choices: ['tempo-running', 'empty', 'lost-versions', 'retention'],
      description: 'lift a guard, by the name that its refusal gives',
    },
  ],
  example: 'tempo-backup rewind --to 2026-11-23T08:30:00Z --dry-run',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, REFUSED, INTERRUPTED],
} as const satisfies CommandDefinition;

const replicate = {
  name: 'replicate',
  summary: 'copy what another repository lacks: the third copy, verified on its way',
  positionals: [],
  options: [
    {
      name: 'to',
      type: 'string',
      value: 'URL',
      description: 'the other repository, such as s3://bucket/prefix?region=eu-west-1; it is made where there is none',
    },
    DRY_RUN,
  ],
  example: 'tempo-backup replicate --to file:///mnt/offsite',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, REFUSED, INTERRUPTED],
} as const satisfies CommandDefinition;

/** All commands, in the order of `--help`. */
export const COMMANDS = { backup, list, show, verify, restore, prune, snapshot, rewind, replicate } as const;

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

export type CommonOptions = ValuesOf<typeof COMMON_OPTIONS>;

/** Options of one command, the common ones and its positionals included. */
export type OptionsOf<C extends CommandName> = CommonOptions &
  ValuesOf<(typeof COMMANDS)[C]['options']> &
  PositionalsOf<C>;

type PositionalsOf<C extends CommandName> = {
  readonly [P in (typeof COMMANDS)[C]['positionals'][number] as P['name']]: P extends {
    choices: readonly (infer Choice)[];
  }
    ? Choice
    : string;
};

export type BackupOptions = OptionsOf<'backup'>;
export type ListOptions = OptionsOf<'list'>;
export type ShowOptions = OptionsOf<'show'>;
export type VerifyOptions = OptionsOf<'verify'>;
export type RestoreOptions = OptionsOf<'restore'>;
export type PruneOptions = OptionsOf<'prune'>;
export type SnapshotOptions = OptionsOf<'snapshot'>;
export type RewindOptions = OptionsOf<'rewind'>;
export type ReplicateOptions = OptionsOf<'replicate'>;

/** A command with its options. */
export type CommandCall = {
  readonly [C in CommandName]: { readonly command: C; readonly options: OptionsOf<C> };
}[CommandName];

/** What a command line says. */
export type ParsedCommand =
  | CommandCall
  | { readonly command: 'help'; /** Null: of the program as a whole. */ readonly topic: CommandName | null }
  | { readonly command: 'version' };

/** Options of a command, the common ones last. */
export function optionsOf(command: CommandName): readonly OptionDefinition[] {
  return [...COMMANDS[command].options, ...COMMON_OPTIONS];
}
