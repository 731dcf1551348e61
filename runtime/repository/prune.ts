import type { Manifest } from '../../lib/contract/manifest';
import { pointKey } from '../../lib/contract/repository-layout';
import type { PruneResult } from '../../lib/contract/results';
import { IntegrityError, RefusedError } from '../errors';
import type { ObjectLocks, StoredObject } from '../storage/storage';
import { forEachConcurrently } from '../streams/concurrency';
import { DamageNotices } from './damage-notices';
import type { NoticeEntry, PointEntry } from './points/point-order';
import { condemn, type CondemnedRecord, condemnedRecords } from './pruning/condemned';
import {
  extendLocks,
  keysIn,
  lockDoubts,
  type LockedRest,
  locksOf,
  LockWatch,
  type ShortLock,
  withoutLocked,
} from './pruning/locks';
import { checkShare } from './pruning/mass-deletion';
import { keysNamedBy, orNothingDeleted } from './pruning/references';
import { takeCensus } from './pruning/unreferenced';
import type { Repository } from './repository';
import { reasonsToKeep } from './retention';
import { includesLevel, LEDGER_RECORDS, recordKeys, VerificationLedger } from './verification-ledger';

const KEYS_IN_BATCH = 1000;
const BATCHES_AT_ONCE = 4;

/** The file that every block has. */
const META = 'meta.json';

export interface PruneOptions {
  /** The plan's `prune.grace` in milliseconds. */
  readonly grace: number;
  /** The plan's `prune.maxShare`, from 0 to 1. */
  readonly maxShare: number;
  /** Decides and says, writes and deletes nothing. @default false */
  readonly dryRun?: boolean;
  /** Values of `--allow`: `suspect-source`, `mass-deletion`. @default - nothing is allowed */
  readonly allow?: ReadonlySet<string>;
  /** The plan's `storage.lockPeriod` in milliseconds. @default - it locks nothing */
  readonly lockPeriod?: number;
  readonly signal?: AbortSignal;
}

/** `PruneResult` but for what the command itself measures. */
export type PruneOutcome = Pick<PruneResult, 'dryRun' | 'points' | 'objects' | 'bytes' | 'locks'> & {
  /** Of a dry run: why the real one would be refused. */
  readonly refused: RefusedError | undefined;
  readonly warnings: readonly string[];
};

/**
 * Removes what no recovery point names, in two phases: a run condemns expired points and the objects that only they named; a later one, past
 * the grace, decides anew and deletes what is still expired or unnamed.
 *
 * Safe beside running backups: `points/placement.ts` and `retention.ts` say why.
 */
export async function prune(repository: Repository, options: PruneOptions): Promise<PruneOutcome> {
  const survey = await takeSurvey(repository, options);
  const decision = await decide(repository, survey, options);
  const refused = refusal(survey, decision, options);
  if (options.dryRun)
    return outcomeOf(survey, decision, { dryRun: true, refused, deletedObjects: decision.deletedObjects });
  if (refused) throw refused;
  const deletedObjects = await carryOut(repository, survey, { decision, signal: options.signal });
  return outcomeOf(survey, decision, { dryRun: false, refused: undefined, deletedObjects });
}

interface Survey {
  /** The storage's clock before anything was listed: whatever is younger than this came later. */
  readonly now: Date;
  /** The plan's, or that of a point whose runner had a longer one: such a runner may be at work now. */
  readonly grace: number;
  /** Newest first. */
  readonly points: readonly PointEntry[];
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly kept: ReadonlyMap<string, readonly string[]>;
  readonly records: readonly CondemnedRecord[];
  /** Undefined where nothing is locked. */
  readonly locks: ObjectLocks | undefined;
  readonly notices: readonly (NoticeEntry & { readonly named: readonly string[] })[];
  readonly warnings: string[];
}

interface Decision {
  readonly condemnedPoints: readonly string[];
  readonly condemnedObjects: readonly StoredObject[];
  readonly deletedPoints: readonly string[];
  /** Unnamed once the points are deleted; `carryOut` looks at the points that only now expired, too. */
  readonly deletedObjects: readonly StoredObject[];
  readonly settledRecords: readonly CondemnedRecord[];
  /** Keys of notices of damage that concern no kept point any more. */
  readonly settledNotices: readonly string[];
  /** Of what would be deleted, what is locked. */
  readonly locked: LockedRest;
  readonly shortLocks: readonly ShortLock[];
  /** Of points and bytes that aren't condemned yet. */
  readonly share: { readonly points: number; readonly bytes: number };
}

async function takeSurvey(repository: Repository, options: PruneOptions): Promise<Survey> {
  const now = await repository.storage.now();
  const { points, notices, foreign } = await repository.listPoints();
  const stranger = foreign.find((key) => key.endsWith('.json'));
  if (stranger !== undefined) {
    throw new IntegrityError(
      `prune repository: '${stranger}' is no manifest that this release knows; move it elsewhere`,
      { key: stranger },
    );
  }
  const manifests = new Map(
    (await orNothingDeleted(() => repository.manifests(points))).map((manifest) => [manifest.id, manifest]),
  );
  const grace = Math.max(options.grace, ...Array.from(manifests.values(), (manifest) => manifest.grace ?? 0));
  const ledger = await VerificationLedger.load(repository);
  const damage = await DamageNotices.read(repository, notices);
  const locks = await repository.storage.locks?.();
  const warnings = [
    ...ledger.warnings,
    ...damage.warnings,
    ...lockDoubts(repository.storage.url, locks, options.lockPeriod),
  ];
  const known = points.flatMap((point) => {
    const manifest = manifests.get(point.id);
    const verification = ledger.point(point.id);
    const verified = verification?.ok === true && includesLevel(verification.level, 'full');
    return manifest ? [{ ...point, manifest, verified }] : [];
  });
  const kept = reasonsToKeep(known, { now, grace });
  return {
    now,
    grace,
    points,
    manifests,
    kept,
    records: await condemnedRecords(repository, warnings),
    locks,
    notices: notices.flatMap((notice) => {
      const named = damage.byNotice.get(notice.key);
      return named ? [{ ...notice, named }] : [];
    }),
    warnings,
  };
}

async function decide(repository: Repository, survey: Survey, options: PruneOptions): Promise<Decision> {
  const { signal } = options;
  const { now, grace, points, records, locks } = survey;
  const isExpired = (id: string): boolean => survey.kept.get(id)?.length === 0;
  const hasAge = (object: { readonly modifiedAt: Date }, age: number): boolean =>
    now.getTime() - object.modifiedAt.getTime() >= age;
  const settledRecords = records.filter((record) => hasAge(record, grace));
  const settled = namesIn(settledRecords);
  const pending = namesIn(records);
  const expired = points.map(({ id }) => id).filter(isExpired);
  const deletedPoints = expired.filter((id) => settled.points.has(id));
  const condemnedPoints = expired.filter((id) => !pending.points.has(id));

  const retained = manifestsOf(
    survey,
    points.map(({ id }) => id).filter((id) => !isExpired(id)),
  );
  const named = await keysNamedBy(repository, retained, signal);
  const watch = await watchLocks(repository, survey, options);
  const { bytes, unreferenced } = await takeCensus(repository.storage, named, { onNamed: watch?.look, signal });
  const condemnedObjects = unreferenced.filter((object) => !pending.objects.has(object.key) && hasAge(object, grace));
  const deletedObjects = unreferenced.filter((object) => settled.objects.has(object.key) && hasAge(object, 2 * grace));
  const isNamed = (place: string): boolean => named.has(place) || named.has(`${place}/${META}`);
  const settledNotices = survey.notices
    .filter((notice) => hasAge(notice, 2 * grace) && !notice.named.some(isNamed))
    .map(({ key }) => key);
  const pendingBytes = sizeOf(unreferenced.filter(({ key }) => pending.objects.has(key)));
  const pendingPoints = expired.length - condemnedPoints.length;
  const share = {
    points: shareOf(condemnedPoints.length, points.length - pendingPoints),
    bytes: shareOf(sizeOf(condemnedObjects), bytes - pendingBytes),
  };
  const deletions = { deletedPoints, deletedObjects, settledRecords, settledNotices };
  const locked = await locksOf(locks, keysIn(deletions), { now, signal });
  const shortLocks = (locks && (await watch?.shortLocks(locks, signal))) ?? [];
  return { condemnedPoints, condemnedObjects, ...withoutLocked(deletions, locked), shortLocks, share };
}

/** Undefined where nothing is locked, or nobody says for how long. */
async function watchLocks(
  repository: Repository,
  { points, manifests, kept, locks, now }: Survey,
  { lockPeriod, signal }: PruneOptions,
): Promise<LockWatch | undefined> {
  const period = locks?.period ?? (locks && lockPeriod);
  if (period === undefined) return undefined;
  const staying = points.flatMap(({ id, modifiedAt }) => {
    const manifest = manifests.get(id);
    return manifest && kept.get(id)?.length !== 0 ? [{ modifiedAt, manifest }] : [];
  });
  return LockWatch.over(repository, staying, { period, now, signal });
}

function refusal(
  { points, manifests }: Survey,
  decision: Decision,
  { allow, maxShare }: PruneOptions,
): RefusedError | undefined {
  const newest = points[0] && manifests.get(points[0].id);
  const [reason] = newest?.suspect ?? [];
  if (newest && reason !== undefined && !allow?.has('suspect-source')) {
    return new RefusedError(
      `prune repository: the newest recovery point '${newest.id}' is suspect: ${reason}; look into it, or pass '--allow suspect-source'`,
      'suspect-source',
    );
  }
  return allow?.has('mass-deletion') ? undefined : checkShare({ ...decision, points: points.length, maxShare });
}

/**
 * Condemns first: what is unreadable in an expired point ends this run only after that, and the next one won't need it.
 *
 * @returns the objects that were deleted
 */
async function carryOut(
  repository: Repository,
  survey: Survey,
  { decision, signal }: { readonly decision: Decision; readonly signal?: AbortSignal },
): Promise<readonly StoredObject[]> {
  const { storage } = repository;
  const { locks, now } = survey;
  const { condemnedPoints, condemnedObjects, deletedPoints, settledRecords, settledNotices } = decision;
  if (condemnedPoints.length + condemnedObjects.length > 0) {
    await condemn(
      repository,
      condemnedPoints,
      condemnedObjects.map(({ key, size }) => [key, size] as const),
    );
  }
  if (locks) await extendLocks(locks, decision.shortLocks, signal);
  const unnamed = await withoutNamed(repository, survey, decision);
  signal?.throwIfAborted();
  await storage.delete(deletedPoints.map(pointKey));
  // A point that came back after power loss would name objects that are gone.
  if (deletedPoints.length > 0) await storage.sync();
  const deletedObjects = await withoutNamedSince(repository, survey, unnamed);
  const batches = batchesOf(deletedObjects.map(({ key }) => key));
  await forEachConcurrently(batches, BATCHES_AT_ONCE, (batch) => storage.delete(batch), signal);
  const outdated = (await recordKeys(repository)).slice(LEDGER_RECORDS);
  const locked = await locksOf(locks, outdated, { now, signal });
  await storage.delete([
    ...settledRecords.map(({ key }) => key),
    ...settledNotices,
    ...outdated.filter((key) => !locked.has(key)),
  ]);
  return deletedObjects;
}

/** What expired points name stays for as long as they do. */
async function withoutNamed(
  repository: Repository,
  survey: Survey,
  decision: Decision,
): Promise<readonly StoredObject[]> {
  const { deletedObjects, deletedPoints } = decision;
  if (deletedObjects.length === 0) return [];
  const going = new Set(deletedPoints);
  const staying = [...survey.kept].filter(([id, reasons]) => reasons.length === 0 && !going.has(id)).map(([id]) => id);
  const named = await keysNamedBy(repository, manifestsOf(survey, staying));
  return deletedObjects.filter(({ key }) => !named.has(key));
}

/** What points name that were committed while this run looked around stays, too. */
async function withoutNamedSince(
  repository: Repository,
  { manifests }: Survey,
  objects: readonly StoredObject[],
): Promise<readonly StoredObject[]> {
  if (objects.length === 0) return [];
  const since = (await repository.listPoints()).points.filter(({ id }) => !manifests.has(id));
  const named = await keysNamedBy(repository, await orNothingDeleted(() => repository.manifests(since)));
  return objects.filter(({ key }) => !named.has(key));
}

function outcomeOf(
  { kept, locks, warnings }: Survey,
  { condemnedPoints, condemnedObjects, deletedPoints, locked, shortLocks }: Decision,
  run: {
    readonly dryRun: boolean;
    readonly refused: RefusedError | undefined;
    readonly deletedObjects: readonly StoredObject[];
  },
): PruneOutcome {
  const { dryRun, refused, deletedObjects } = run;
  const stays = [...kept].filter(([, reasons]) => reasons.length > 0).map(([id, reasons]) => ({ id, reasons }));
  return {
    dryRun,
    points: { kept: stays, condemned: condemnedPoints, deleted: deletedPoints },
    objects: { condemned: condemnedObjects.length, deleted: deletedObjects.length },
    bytes: { condemned: sizeOf(condemnedObjects), deleted: sizeOf(deletedObjects) },
    locks: locks
      ? {
          points: locked.points.map(({ id, until }) => ({ id, until: until?.toISOString() ?? null })),
          objects: locked.objects.length,
          bytes: sizeOf(locked.objects),
          held: locked.held,
          until: locked.until?.toISOString() ?? null,
          extended: shortLocks.length,
        }
      : null,
    refused,
    warnings,
  };
}

function namesIn(records: readonly CondemnedRecord[]): {
  readonly points: ReadonlySet<string>;
  readonly objects: ReadonlySet<string>;
} {
  return {
    points: new Set(records.flatMap(({ points }) => points)),
    objects: new Set(records.flatMap(({ objects }) => objects.map(([key]) => key))),
  };
}

function manifestsOf({ manifests }: Survey, ids: readonly string[]): Manifest[] {
  return ids.flatMap((id) => manifests.get(id) ?? []);
}

function sizeOf(objects: readonly StoredObject[]): number {
  return objects.reduce((sum, { size }) => sum + size, 0);
}

function shareOf(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

function* batchesOf(keys: readonly string[]): Iterable<readonly string[]> {
  for (let start = 0; start < keys.length; start += KEYS_IN_BATCH) yield keys.slice(start, start + KEYS_IN_BATCH);
}
