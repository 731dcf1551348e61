import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import { ExitCode } from '../../../lib/contract/exit-codes';
import type { Damage, Manifest, ObjectReference } from '../../../lib/contract/manifest';
import type { RestoreGate, RestoreResult } from '../../../lib/contract/results';
import { RefusedError } from '../../errors';
import { DamageNotices } from '../../repository/damage-notices';
import type { Gate } from '../../tempo/gates/gate-input';
import { type PlannedFolder, referencesOf } from '../../tempo/target/target-folder';
import type { CommandContext } from '../context';
import { checkIntoTenant, refuseEmptySelection, selectBlocks, type Selection } from './restore-selection';
import { selectTrace } from './restore-trace';

/** What the options select of a point; throws when that is nothing, or more than one tenant's for another name. */
export async function select(context: CommandContext, manifest: Manifest, given: RestoreOptions): Promise<Selection> {
  if (given.clearWal && given.scope === 'wal') return { blocks: [], wal: [], damaged: [] };
  const options: RestoreOptions = given.clearWal ? { ...given, scope: 'data' } : given;
  const selection = await selectBlocks(context.repository, manifest, options);
  refuseEmptySelection(manifest, options, selection);
  const { traceId } = options;
  const selected =
    traceId === undefined ? selection : await selectTrace(context, manifest, { ...selection, ...options, traceId });
  checkIntoTenant(options, selected);
  return selected;
}

/** What `verify` found damaged in the repository. */
export async function noticedDamage({ repository, log }: CommandContext): Promise<DamageNotices> {
  const damage = await DamageNotices.read(repository, (await repository.listPoints()).notices);
  for (const warning of damage.warnings) log.warn(warning);
  return damage;
}

/** What a dry run says of those; a restore goes by the bytes, as they may have been repaired since. */
export function damagedByNotice(damage: DamageNotices, folders: readonly PlannedFolder[]): Damage[] {
  const isDamaged = ({ key }: ObjectReference): boolean =>
    damage.has(key) || damage.has(key.slice(0, key.lastIndexOf('/')));
  return folders
    .filter((folder) => referencesOf(folder).some(isDamaged))
    .map(({ tenant, id }) => ({ tenant, block: id, reason: `'verify' found it damaged in the repository` }));
}

/** Who lifted a gate needn't be told how to. */
export function asked({ name, finding, message }: Gate, { allow }: RestoreOptions): RestoreGate {
  return allow.includes(name) ? { name, message: finding, allowed: true } : { name, message, allowed: false };
}

/** Of a dry run: what would stop the real one. */
export function exitCodeOf({ archived, blocks, dryRun, gates }: RestoreResult): ExitCode {
  if (dryRun && gates.some(({ allowed }) => !allowed)) return ExitCode.REFUSED;
  if (dryRun && archived.thawed < archived.objects) return ExitCode.THAWING;
  return blocks.failed.length > 0 ? ExitCode.INTEGRITY : ExitCode.DONE;
}

/** Throws unless all gates are open. */
export function refuse({ id }: Manifest, refused: readonly RestoreGate[]): void {
  if (refused.length === 0) return;
  const lift = refused.map(({ name }) => name).join(',');
  throw new RefusedError(`restore '${id}': refused: ${refused.map(({ message }) => message).join('; and: ')}`, lift, {
    gates: lift,
  });
}
