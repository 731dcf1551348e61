import { randomBytes } from 'node:crypto';
import type { RestoreOptions } from '../../lib/contract/commands';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { Damage, Manifest } from '../../lib/contract/manifest';
import type { RestoreGate, RestoreResult } from '../../lib/contract/results';
import { formatSize } from '../../lib/contract/size';
import { RefusedError, UsageError } from '../errors';
import { fetchObject } from '../repository/fetch';
import { Stopwatch } from '../stopwatch';
import { findGates, type Owner } from '../tempo/gates';
import { bytesOf, type PlannedFolder } from '../tempo/target-folder';
import { diskFs, type TargetFs } from '../tempo/target-fs';
import type { Replaced } from '../tempo/target-replace';
import { missingFolders, neededBytes, type RestoredFolders, restoreFolders } from '../tempo/target-restore';
import { checkTree, hasBlock, treeAt, treeBelow, type TargetTree } from '../tempo/target-tree';
import type { CommandContext, Outcome } from './context';
import {
  currentUser,
  damageOf,
  gatedBlocks,
  readTargetTempo,
  sentence,
  sourcePathsFor,
  targetFacts,
  wantedOwner,
} from './restore-facts';
import { planRestore, type RestorePlan } from './restore-plan';
import { checkIntoTenant, refuseEmptySelection, selectBlocks, type Selection } from './restore-selection';
import { selectTrace } from './restore-trace';

interface Prepared {
  readonly manifest: Manifest;
  readonly selection: Selection;
  readonly tree: TargetTree;
  readonly plan: RestorePlan;
  readonly replaced: Replaced | undefined;
  readonly gates: readonly RestoreGate[];
}

/** Brings the data of a recovery point back: plan, gates, then stage, verify and move into place. */
export async function restore(
  context: CommandContext,
  options: RestoreOptions,
  fs: TargetFs = diskFs,
): Promise<Outcome<RestoreResult>> {
  const watch = new Stopwatch();
  checkOptions(options);
  const prepared = await watch.time('plan', () => prepare(context, options));
  const refused = prepared.gates.filter(({ allowed }) => !allowed);
  if (options.dryRun) {
    const result = resultOf(context, { prepared, restored: undefined, watch });
    return { result, exitCode: refused.length > 0 ? ExitCode.REFUSED : ExitCode.DONE };
  }
  refuse(prepared.manifest, refused);
  for (const { message } of prepared.gates) context.log.warn(`restoring all the same: ${message}`);
  const restored = await watch.time('restore', () => bringBack(context, options, { ...prepared, fs }));
  for (const leftover of restored.leftovers)
    context.log.warn(`another restore isn't finished, or runs right now: '${leftover}'`);
  const result = resultOf(context, { prepared, restored, watch });
  return { result, exitCode: result.blocks.failed.length > 0 ? ExitCode.INTEGRITY : ExitCode.DONE };
}

function checkOptions({ replace, from, to, block, traceId }: RestoreOptions): void {
  const partial = from ?? to ?? traceId ?? block[0];
  if (replace && partial !== undefined) {
    throw new UsageError(
      "restore: '--replace' replaces whole tenants; leave out --from, --to, --block and --trace-id, or leave out --replace",
    );
  }
  if (from && to && from > to)
    throw new UsageError(`restore: '--from' ${from.toISOString()} is after '--to' ${to.toISOString()}`);
}

async function prepare(context: CommandContext, options: RestoreOptions): Promise<Prepared> {
  const { repository, config } = context;
  const { intoTenant, target } = options;
  const manifest = await repository.resolve(options.recoveryPoint);
  const tempo = await readTargetTempo(context, manifest, options);
  const paths = sourcePathsFor(tempo.version, manifest.source);
  const tree = target === undefined ? treeAt(config.tempo.storage, paths) : treeBelow(target, paths);
  const selection = await select(context, manifest, options);
  const replaced = replacedBy(options);
  const plan = withoutKnownWal(
    planRestore(manifest, selection, tree, { replace: options.replace, intoTenant }),
    tree,
    replaced,
  );
  checkTree(tree, plan.folders);
  const missing = missingFolders({ ...plan, replaced });
  const facts = targetFacts(context, tempo, tree);
  const needed = neededBytes(plan.staging, missing);
  const found = findGates({
    now: context.now(),
    ...gatedBlocks(selection, missing, intoTenant),
    neededBytes: needed,
    sourceVersion: manifest.source.tempoVersion ?? undefined,
    damage: damageOf(manifest, selection, options.tenant),
    target: facts,
  });
  const owner = facts.owner ?? facts.user;
  context.log.info(
    `restore '${manifest.id}' into '${tree.parent}': ${missing.length} of ${plan.folders.length} blocks are missing there, ` +
      `${formatSize(needed)} needed, ${formatSize(facts.freeBytes)} free, owner ${owner.uid}:${owner.gid}`,
  );
  const allowed = new Set<string>(options.allow);
  return {
    manifest,
    selection,
    tree,
    plan,
    replaced,
    gates: found.map(({ name, message }) => ({ name, message, allowed: allowed.has(name) })),
  };
}

async function select(context: CommandContext, manifest: Manifest, options: RestoreOptions): Promise<Selection> {
  const selection = await selectBlocks(context.repository, manifest, options);
  refuseEmptySelection(manifest, options, selection);
  const { traceId } = options;
  const selected = traceId === undefined ? selection : await selectTrace(context, manifest, { ...selection, traceId });
  checkIntoTenant(options, selected);
  return selected;
}

function replacedBy({ replace, scope, tenant, intoTenant }: RestoreOptions): Replaced | undefined {
  if (!replace) return undefined;
  const tenants = intoTenant === undefined ? tenant : [intoTenant];
  return { blocks: scope !== 'wal', wal: scope !== 'data', tenants: tenants.length === 0 ? undefined : tenants };
}

/** Without WAL blocks that Tempo has as blocks: it would write these a second time. */
function withoutKnownWal(plan: RestorePlan, tree: TargetTree, replaced: Replaced | undefined): RestorePlan {
  if (replaced?.blocks) return plan;
  return {
    ...plan,
    folders: plan.folders.filter(({ kind, tenant, id }) => kind === 'block' || !hasBlock(tree, tenant, id)),
  };
}

function refuse({ id }: Manifest, refused: readonly RestoreGate[]): void {
  if (refused.length === 0) return;
  const lift = refused.map(({ name }) => name).join(',');
  throw new RefusedError(`restore '${id}': refused: ${refused.map(({ message }) => message).join('; and: ')}`, lift, {
    gates: lift,
  });
}

async function bringBack(
  context: CommandContext,
  options: RestoreOptions,
  prepared: Prepared & { readonly fs: TargetFs },
): Promise<RestoredFolders> {
  const { repository, progress, signal } = context;
  const { manifest, tree, plan, replaced, fs } = prepared;
  let done = 0;
  let bytes = 0;
  return restoreFolders({
    fs,
    tree,
    ...plan,
    recoveryPoint: manifest.id,
    replaced,
    allowDamaged: options.allow.includes('damaged'),
    now: context.now(),
    run: randomBytes(4).toString('hex'),
    owner: ownerToSet(wantedOwner(context, tree)),
    signal,
    fetch: (reference, write, fetchSignal) => fetchObject(repository.storage, reference, write, fetchSignal),
    onStaged: (folder) => {
      bytes += bytesOf(folder);
      progress.report({ phase: 'restoring blocks', done: ++done, total: plan.folders.length, bytes });
    },
  });
}

/** Undefined when files get the right owner by themselves, or can't be given away, which a gate has said. */
function ownerToSet(wanted: Owner | undefined): Owner | undefined {
  const user = currentUser();
  if (!wanted || (wanted.uid === user.uid && wanted.gid === user.gid)) return undefined;
  return user.uid === 0 ? wanted : undefined;
}

interface Report {
  readonly prepared: Prepared;
  /** Undefined: nothing was done. */
  readonly restored: RestoredFolders | undefined;
  readonly watch: Stopwatch;
}

function resultOf(context: CommandContext, { prepared, restored, watch }: Report): RestoreResult {
  const { manifest, selection, tree, plan, gates } = prepared;
  const blocks = plan.folders.filter(({ kind }) => kind === 'block');
  const whole = restored ? [...restored.installed, ...restored.present] : plan.folders;
  const wal = whole.filter(({ kind }) => kind === 'wal');
  const failed: Damage[] = [...selection.damaged, ...(restored?.failed ?? [])];
  for (const damage of failed) context.log.error(`not restored: ${sentence(damage)}`);
  return {
    recoveryPoint: manifest.id,
    target: tree.parent,
    dryRun: restored === undefined,
    blocks: {
      total: blocks.length,
      restored: restored?.installed.filter(isBlock).length ?? 0,
      skipped: restored?.present.filter(isBlock).length ?? 0,
      failed,
    },
    wal: { blocks: wal.length, pages: wal.reduce((sum, { files }) => sum + files.length, 0) },
    bytes: {
      total: plan.folders.reduce((sum, folder) => sum + bytesOf(folder), 0),
      written: restored?.bytesWritten ?? 0,
      read: restored?.bytesRead ?? 0,
    },
    movedAside: restored?.movedAside ?? [],
    gates,
    requests: { ...context.repository.storage.requests },
    seconds: watch.seconds(),
  };
}

function isBlock({ kind }: PlannedFolder): boolean {
  return kind === 'block';
}
