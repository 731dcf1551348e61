import { ExitCode } from '../exit-codes';
import { type CommandDefinition } from './command-definition';
import { DRY_RUN } from './shared-options';

const { DONE, FAILED, CONFIGURATION, REPOSITORY_MISSING, INTEGRITY, REFUSED, INTERRUPTED } = ExitCode;

/** `snapshot`: the volume snapshots of Tempo's claims. */
export const snapshot = {
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
