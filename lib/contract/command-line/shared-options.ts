import { type OptionDefinition } from './option-definition';

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

/** Of commands that read data, which may be in an archive class. */
export const THAW = [
  {
    name: 'thaw',
    type: 'string',
    choices: ['standard', 'bulk', 'expedited'],
    description:
      'have what it reads of GLACIER or DEEP_ARCHIVE thawed, at this speed and price; run it again to go on when it is',
  },
  {
    name: 'thaw-for',
    type: 'string',
    value: 'DURATION',
    format: 'duration',
    default: '7d',
    description: 'with --thaw: how long it can be read then, in whole days',
  },
] as const satisfies readonly OptionDefinition[];

/** Of commands that can say what they would do. */
export const DRY_RUN = {
  name: 'dry-run',
  type: 'boolean',
  description: 'say what would be done and do nothing',
} as const;
