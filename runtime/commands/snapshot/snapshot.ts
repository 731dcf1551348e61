import type { SnapshotOptions } from '../../../lib/contract/command-line/commands';
import type { CommandResults } from '../../../lib/contract/results';
import type { SnapshotResult } from '../../../lib/contract/volume-snapshots/results';
import { UsageError } from '../../errors';
import { Stopwatch } from '../../stopwatch';
import type { CommandContext, Outcome } from '../context';
import { create } from './create';
import { list } from './list';
import { prune } from './prune';
import { restore } from './restore';
import { openScene, type SnapshotScene } from './scene';

type Action = SnapshotOptions['action'];
type ActionOption = 'rule' | 'name' | 'claim' | 'deadline' | 'swap' | 'dryRun' | 'allow';

const ACTIONS: Readonly<Record<Action, (scene: SnapshotScene) => Promise<Outcome<SnapshotResult>>>> = {
  create,
  list,
  prune,
  restore,
};

/** What each action takes of the options that they have in common. */
const TAKES: Readonly<Record<Action, readonly ActionOption[]>> = {
  create: ['rule', 'claim', 'deadline'],
  list: [],
  prune: ['dryRun'],
  restore: ['name', 'claim', 'deadline', 'swap', 'dryRun', 'allow'],
};

/** Volume snapshots of Tempo's claims. */
export async function snapshot(
  context: CommandContext,
  options: SnapshotOptions,
): Promise<Outcome<CommandResults['snapshot']>> {
  const { action } = options;
  refuseOthers(options);
  const scene = openScene(context, options);
  const watch = new Stopwatch();
  const { result, exitCode } = await watch.time(action, () => ACTIONS[action](scene));
  const receipt = { requests: { ...context.repository.storage.requests }, seconds: watch.seconds() };
  return { result: { ...result, ...receipt }, exitCode };
}

function refuseOthers(options: SnapshotOptions): void {
  const { action } = options;
  const given = (['rule', 'name', 'claim', 'deadline', 'swap', 'dryRun', 'allow'] as const).filter((name) => {
    const value = options[name];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  });
  const other = given.find((name) => !TAKES[action].includes(name));
  if (other === undefined) return;
  const takers = Object.entries(TAKES).flatMap(([taker, names]) => (names.includes(other) ? [`'${taker}'`] : []));
  throw new UsageError(
    `snapshot ${action}: '--${other === 'dryRun' ? 'dry-run' : other}' is an option of ${takers.join(' and ')}; leave it out`,
  );
}
