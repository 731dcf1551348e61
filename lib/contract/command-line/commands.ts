import { ExitCode } from '../exit-codes';
import { type CommandDefinition, type PositionalsOf } from './command-definition';
import { type OptionDefinition, type ValuesOf } from './option-definition';
import { restore } from './restore-command';
import { SCOPES } from '../plan/rule';
import { COMMON_OPTIONS, DRY_RUN, THAW } from './shared-options';
import { snapshot } from './snapshot-command';

export type { CommandDefinition } from './command-definition';
export { COMMON_OPTIONS } from './shared-options';

const {
  DONE,
  FAILED,
  CONFIGURATION,
  REPOSITORY_MISSING,
  INTEGRITY,
  OBJECTIVE_MISSED,
  SOURCE_REGRESSED,
  REFUSED,
  THAWING,
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
    {
      name: 'pin',
      type: 'string',
      value: 'REASON',
      description: 'keep it whatever its rule says, for this reason: for ever, unless --pin-for says how long',
    },
    {
      name: 'pin-for',
      type: 'string',
      value: 'DURATION',
      format: 'duration',
      description: 'with --pin: how long at least, such as 90d; then its rule decides, and without a rule it expires',
    },
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
    THAWING,
    INTERRUPTED,
  ],
} as const satisfies CommandDefinition;

const list = {
  name: 'list',
  summary: 'list the recovery points, newest first',
  positionals: [],
  options: [],
  example: 'tempo-backup list --output json',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, THAWING, INTERRUPTED],
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
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, THAWING, INTERRUPTED],
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
    {
      name: 'replica',
      type: 'string',
      value: 'URL',
      description: 'also say how far a replica of the repository lags behind, and what is missing there',
    },
    {
      name: 'max-lag',
      type: 'string',
      value: 'DURATION',
      format: 'duration',
      default: '1h',
      description: 'with --replica: how long a recovery point may wait until it is whole there; else exit code 13',
    },
    ...THAW,
  ],
  example: 'tempo-backup verify --recovery-point all --level full --max-bytes 10GiB',
  exitCodes: [
    DONE,
    FAILED,
    CONFIGURATION,
    REPOSITORY_MISSING,
    INTEGRITY,
    OBJECTIVE_MISSED,
    REFUSED,
    THAWING,
    INTERRUPTED,
  ],
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
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, REFUSED, THAWING, INTERRUPTED],
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
    ...THAW,
  ],
  example: 'tempo-backup rewind --to 2026-11-23T08:30:00Z --dry-run',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, REFUSED, THAWING, INTERRUPTED],
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
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, REFUSED, THAWING, INTERRUPTED],
} as const satisfies CommandDefinition;

/** All commands, in the order of `--help`. */
export const COMMANDS = { backup, list, show, verify, restore, prune, snapshot, rewind, replicate } as const;

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

export type CommonOptions = ValuesOf<typeof COMMON_OPTIONS>;

/** Options of one command, the common ones and its positionals included. */
export type OptionsOf<C extends CommandName> = CommonOptions &
  ValuesOf<(typeof COMMANDS)[C]['options']> &
  PositionalsOf<(typeof COMMANDS)[C]>;

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
