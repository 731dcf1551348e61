import { randomBytes } from 'node:crypto';
import type { RestoreOptions } from '../../lib/contract/command-line/commands';
import type { Damage, Manifest } from '../../lib/contract/manifest';
import type { RestoreGate, RestoreResult } from '../../lib/contract/results';
import { formatSize } from '../../lib/contract/values/size';
import { RunnerError, UsageError } from '../errors';
import { amountsOf, type ArchiveSurvey } from '../repository/archive/archived-objects';
import { fetchObject } from '../repository/fetch';
import { resolvePoint } from '../repository/verification/latest-verified';
import { Stopwatch } from '../stopwatch';
import type { GateInput, Owner } from '../tempo/gates/gate-input';
import { findGates } from '../tempo/gates/gates';
import { bytesOf, type PlannedFolder, referencesOf } from '../tempo/target/target-folder';
import { diskFs, type TargetFs } from '../tempo/target/target-fs';
import { otherStagings } from '../tempo/target/target-journal';
import type { Replaced } from '../tempo/target/target-replace';
import {
  type Forecast,
  forecast,
  neededBytes,
  type RestoredFolders,
  restoreFolders,
  type TargetRestore,
} from '../tempo/target/target-restore';
import { unfinishedBytes } from '../tempo/target/target-staging';
import { isUntouched } from '../tempo/target/target-untouched';
import { chooseSamples } from '../tempo/target/target-samples';
import { checkTree, hasBlock, liveExtents, type TargetTree } from '../tempo/target/target-tree';
import { coordinateRestore } from './cluster-restore/coordinate-restore';
import type { CommandContext, Outcome } from './context';
import { type FoundBlocks, hiddenBlocks, hiddenDamage } from './restore/hidden-blocks';
import {
  currentUser,
  damageOf,
  gatedBlocks,
  sentence,
  sourcePathsFor,
  targetFacts,
  tracesBeside,
  treeFor,
  wantedOwner,
} from './restore/restore-facts';
import { readTargetTempo } from './restore/target-tempo';
import { withoutWalInBucket } from './restore/wal-in-bucket';
import { type PlanOptions, planRestore, type RestorePlan } from './restore/restore-plan';
import { hasBothPlaces, restoreBucketAndWal } from './restore/restore-bucket-and-wal';
import { restoreToBucket, targetBucket } from './restore/restore-bucket';
import { refuseFolderOfTempo, targetPlace } from './restore/target-place';
import { asked, damagedByNotice, exitCodeOf, noticedDamage, refuse, select } from './restore/restore-guards';
import type { Selection } from './restore/restore-selection';
import { awaitThaw, lookForArchived, thawRequest } from './thaw';

interface Prepared {
  readonly manifest: Manifest;
  readonly selection: Selection;
  readonly tree: TargetTree;
  readonly plan: RestorePlan;
  readonly replaced: Replaced | undefined;
  readonly expected: Forecast;
  /** What a dry run knows to be damaged in the repository. */
  readonly noticed: readonly Damage[];
  /** Marked as compacted, with their traces in no live block. */
  readonly hidden: readonly Damage[];
  readonly freeBytes: number;
  /** Tells this run's names from those of another one. */
  readonly run: string;
  readonly owner: Owner;
  readonly gates: readonly RestoreGate[];
  readonly archived: ArchiveSurvey;
}

/** Brings a recovery point back: its data into a folder, or what the options say in a cluster. */
export async function restore(
  context: CommandContext,
  options: RestoreOptions,
  fs: TargetFs = diskFs,
): Promise<Outcome<RestoreResult>> {
  if (options.coordinate) return coordinateRestore(context, options);
  let changed = false;
  const onChange = (): void => void (changed = true);
  try {
    return await restoreData(context, options, { fs, onChange });
  } catch (error) {
    // Whoever started this run for a Tempo that it stopped may start that Tempo again.
    const { storage } = context.config.tempo;
    const traces = storage.backend === 's3' ? tracesBeside(storage) : storage.path;
    if (error instanceof RunnerError && options.target === undefined)
      error.addEvidence({ untouched: !changed && (traces === undefined || isUntouched(traces)) });
    throw error;
  }
}

/** Plan, gates, then stage, verify and move into place. */
async function restoreData(
  context: CommandContext,
  given: RestoreOptions,
  target: Pick<TargetRestore, 'fs' | 'onChange'>,
): Promise<Outcome<RestoreResult>> {
  const watch = new Stopwatch();
  const options = { ...given, target: targetPlace(given.target) };
  checkOptions(options);
  const bucket = targetBucket(context, options);
  if (hasBothPlaces(context, options))
    return restoreBucketAndWal(context, options, (one) => restoreData(context, one, target));
  if (bucket !== undefined) return restoreToBucket(context, options, bucket);
  if (options.target !== undefined) await refuseFolderOfTempo(context.config, options.target);
  const prepared = await watch.time('plan', () => prepare(context, options));
  const refused = prepared.gates.filter(({ allowed }) => !allowed);
  if (options.dryRun) {
    const result = resultOf(context, { prepared, restored: undefined, watch });
    return { result, exitCode: exitCodeOf(result) };
  }
  refuse(prepared.manifest, refused);
  for (const { name, message } of prepared.gates)
    context.log.warn(`restoring with '--allow ${name}' though ${message}`);
  await awaitThaw(context, prepared.archived, { ...options, action: `restore '${prepared.manifest.id}'` });
  const restored = await watch.time('restore', () => bringBack(context, options, { ...prepared, ...target }));
  for (const leftover of restored.leftovers) context.log.warn(`another restore isn't finished: '${leftover}'`);
  const sampleTraces = await watch.time('sample', () => chooseSamples(restored));
  const result = { ...resultOf(context, { prepared, restored, watch }), sampleTraces };
  return { result, exitCode: exitCodeOf(result) };
}

function checkOptions(options: RestoreOptions): void {
  const { replace, from, to, traceId } = options;
  refuseCluster(options);
  checkClearWal(options);
  thawRequest(options);
  if (replace && (from ?? to ?? traceId) !== undefined) {
    throw new UsageError(
      "restore: '--replace' replaces whole tenants, or the very blocks that --block names; leave out --from, --to and --trace-id, or leave out --replace",
    );
  }
  if (from && to && from > to)
    throw new UsageError(`restore: '--from' ${from.toISOString()} is after '--to' ${to.toISOString()}`);
}

function refuseCluster({ scope }: Pick<RestoreOptions, 'scope'>): void {
  if (scope === 'full' || scope === 'config')
    throw new UsageError(
      `restore: '--scope ${scope}' is for a restore in a cluster; add '--in-cluster', or choose data, wal or all`,
    );
}

/** Nothing of the WAL is selected then, and all of it is replaced. */
function checkClearWal({ clearWal, replace, block }: RestoreOptions): void {
  if (!clearWal || (replace && block.length === 0)) return;
  throw new UsageError(
    "restore: '--clear-wal' moves the whole write-ahead log aside; add '--replace', and leave out --block",
  );
}

async function prepare(context: CommandContext, options: RestoreOptions): Promise<Prepared> {
  const { repository, config } = context;
  const { intoTenant, target } = options;
  const manifest = await resolvePoint(repository, options.recoveryPoint, (message) => context.log.warn(message));
  const tempo = await readTargetTempo(context, manifest, options);
  const paths = sourcePathsFor(tempo.version, manifest.source);
  const tree = treeFor(config, target, paths);
  const selection = await select(context, manifest, options);
  const replaced = replacedBy(options);
  const mode = modeOf(options);
  const planned = withoutKnownWal(planRestore(manifest, selection, tree, { mode, intoTenant }), tree, replaced);
  const plan = await withoutWalInBucket(context, options, planned);
  checkTree(tree, plan.folders);
  const run = randomBytes(4).toString('hex');
  const expected = forecast({ ...plan, tree, replaced, recoveryPoint: manifest.id, now: context.now(), run });
  const freed = unfinishedBytes(plan.staging);
  const facts = targetFacts(context, tempo, { tree, freed });
  const needed = neededBytes(plan.staging, expected.missing);
  const hidden = hiddenBlocks(selection, { ...expected, beside: besideCompacted(tree, plan, expected) });
  const gates: GateInput = {
    now: context.now(),
    ...gatedBlocks(selection, [...expected.missing, ...hidden], intoTenant),
    neededBytes: needed,
    sourceVersion: manifest.source.tempoVersion ?? undefined,
    damage: damageOf(manifest, selection, options.tenant),
    target: facts,
  };
  const owner = facts.owner ?? facts.user;
  context.log.info(
    `restore '${manifest.id}' into '${tree.parent}': ${amounts(plan, expected)} to write, ` +
      `${formatSize(needed)} needed, ${formatSize(facts.freeBytes)} free, owner ${owner.uid}:${owner.gid}`,
  );
  const archived = await lookForArchived(context, expected.missing.flatMap(referencesOf));
  return {
    ...{ manifest, selection, tree, plan, replaced, expected, run, owner, archived },
    hidden: hiddenDamage(selection, hidden, { ...gates, intoTenant, remedy: replacement(manifest) }),
    noticed: options.dryRun ? damagedByNotice(await noticedDamage(context), expected.missing) : [],
    freeBytes: facts.freeBytes - freed,
    gates: findGates(gates).map((gate) => asked(gate, options)),
  };
}

function besideCompacted(tree: TargetTree, { folders }: RestorePlan, { compacted }: Forecast): FoundBlocks['beside'] {
  const own = new Set(folders.map(({ id }) => id));
  const tenants = new Set(compacted.map(({ tenant }) => tenant));
  return new Map([...tenants].map((tenant) => [tenant, liveExtents(tree, tenant, own)]));
}

function replacement({ id }: Manifest): (first: PlannedFolder) => string {
  return (first) =>
    `replace each with 'tempo-backup restore ${id} --replace --block ${first.id}', which moves what is there aside`;
}

function amounts({ folders }: RestorePlan, { missing }: Forecast): string {
  const count = (kind: PlannedFolder['kind']): string => {
    const ofKind = (folder: PlannedFolder): boolean => folder.kind === kind;
    return `${missing.filter(ofKind).length} of ${folders.filter(ofKind).length}`;
  };
  return `${count('block')} blocks and ${count('wal')} WAL blocks`;
}

function modeOf({ replace, block, clearWal }: RestoreOptions): PlanOptions['mode'] {
  if (clearWal) return 'clear-wal';
  if (!replace) return 'add';
  return block.length > 0 ? 'replace-blocks' : 'replace';
}

function replacedBy({ replace, scope, clearWal, tenant, block, intoTenant }: RestoreOptions): Replaced | undefined {
  if (!replace) return undefined;
  const tenants = intoTenant === undefined ? tenant : [intoTenant];
  return {
    blocks: scope !== 'wal',
    wal: scope !== 'data' || clearWal,
    tenants: tenants.length === 0 ? undefined : tenants,
    foldersOnly: block.length > 0,
  };
}

/** Without WAL blocks that Tempo has as blocks: it would write these a second time. */
function withoutKnownWal(plan: RestorePlan, tree: TargetTree, replaced: Replaced | undefined): RestorePlan {
  if (replaced?.blocks && !replaced.foldersOnly) return plan;
  return {
    ...plan,
    folders: plan.folders.filter(({ kind, tenant, id }) => kind === 'block' || !hasBlock(tree, tenant, id)),
  };
}

async function bringBack(
  context: CommandContext,
  options: RestoreOptions,
  prepared: Prepared & Pick<TargetRestore, 'fs' | 'onChange'>,
): Promise<RestoredFolders> {
  const { repository, progress, signal } = context;
  const { manifest, tree, plan, replaced, run, fs, onChange } = prepared;
  let done = 0;
  let bytes = 0;
  return restoreFolders({
    fs,
    onChange,
    tree,
    ...plan,
    recoveryPoint: manifest.id,
    replaced,
    allowDamaged: options.allow.includes('damaged'),
    now: context.now(),
    run,
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
  const { manifest, selection, tree, plan, expected, noticed, hidden, owner, freeBytes, gates } = prepared;
  const { present, compacted, failed: lacking } = restored ?? expected;
  const wal = [...(restored?.installed ?? expected.missing), ...present].filter(({ kind }) => kind === 'wal');
  const failed: Damage[] = [...selection.damaged, ...lacking, ...noticed, ...hidden];
  for (const damage of failed) context.log.error(`not restored: ${sentence(damage)}`);
  return {
    recoveryPoint: manifest.id,
    target: tree.parent,
    dryRun: restored === undefined,
    blocks: {
      total: plan.folders.filter(isBlock).length,
      restored: restored?.installed.filter(isBlock).length ?? 0,
      skipped: present.filter(isBlock).length,
      compacted: compacted.length,
      failed,
    },
    wal: { blocks: wal.length, pages: wal.reduce((sum, { files }) => sum + files.length, 0) },
    bytes: {
      total: plan.folders.reduce((sum, folder) => sum + bytesOf(folder), 0),
      written: restored?.bytesWritten ?? 0,
      read: restored?.bytesRead ?? 0,
    },
    movedAside: restored?.movedAside ?? expected.movedAside,
    leftovers: restored?.leftovers ?? otherStagings(plan.staging),
    freeBytes,
    owner: `${owner.uid}:${owner.gid}`,
    archived: amountsOf(prepared.archived),
    gates,
    requests: { ...context.repository.storage.requests },
    seconds: watch.seconds(),
  };
}

function isBlock({ kind }: PlannedFolder): boolean {
  return kind === 'block';
}
