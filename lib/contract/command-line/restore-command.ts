import { ExitCode } from '../exit-codes';
import { type CommandDefinition } from './command-definition';
import { DRY_RUN, THAW } from './shared-options';

const { DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, LOCKED, INTEGRITY, REFUSED, THAWING, INTERRUPTED } = ExitCode;

/** `restore`: into a folder, a bucket or a cluster. */
export const restore = {
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
    ...THAW,
  ],
  example: 'tempo-backup restore --recovery-point latest --target /tmp/check --dry-run',
  exitCodes: [DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, LOCKED, INTEGRITY, REFUSED, THAWING, INTERRUPTED],
} as const satisfies CommandDefinition;
