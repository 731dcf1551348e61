import type { RewindOptions } from '../../lib/contract/command-line/commands';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { RewindGate, RewindResult } from '../../lib/contract/results';
import type { RunnerConfig } from '../../lib/contract/runner-config';
import { tempoBucketUrl } from '../../lib/contract/tempo-storage-config';
import { formatSize } from '../../lib/contract/values/size';
import { RefusedError, UsageError } from '../errors';
import type { VersionedBucket } from '../storage/bucket';
import { Stopwatch } from '../stopwatch';
import { type BucketHistory, readHistory } from '../tempo/bucket/block-history';
import { rewindBucket, type Rewound } from '../tempo/bucket/rewind';
import { planRewind, type ReturningBlock, type RewindPlan } from '../tempo/bucket/rewind-plan';
import type { CommandContext, Outcome } from './context';
import { findRewindGates } from './rewind/rewind-gates';
import { expiryOfVersions } from './rewind/version-expiry';
import { readTempoSettings } from './tempo-settings';

/** A repository isn't needed, and may be lost too. */
export type RewindContext = Pick<CommandContext, 'config' | 'log' | 'progress' | 'signal' | 'now'> & {
  readonly openVersions: (url: string) => VersionedBucket;
};

const NOTHING: Rewound = { copied: 0, hidden: 0, bytes: 0 };

/** Brings Tempo's bucket back to what it was at a moment, from the versions that it keeps. No version is ever deleted. */
export async function rewind(context: RewindContext, options: RewindOptions): Promise<Outcome<RewindResult>> {
  const watch = new Stopwatch();
  const to = momentOf(options, context.now());
  const bucket = context.openVersions(bucketUrlOf(context.config));
  try {
    await checkVersioning(bucket);
    const history = await watch.time('plan', () => readHistory(bucket, options.tenant, { to, signal: context.signal }));
    checkHistory(history, { to, url: bucket.url, tenants: options.tenant });
    const now = await bucket.now();
    const expiry = expiryOfVersions(context.config.plan, now.getTime() - to.getTime());
    const doubts = { mayHaveExpired: expiry !== undefined, signal: context.signal };
    const plan = await watch.time('plan', () => planRewind(bucket, history, doubts));
    const settings = await readTempoSettings(context.config);
    const found = findRewindGates(plan, history, { now, to, expiry, retention: settings.retention });
    const gates = found.map((gate) => ({ ...gate, allowed: isLifted(gate, options) }));
    const refused = gates.filter(({ allowed }) => !allowed);
    if (!options.dryRun) refuse(to, refused);
    announce(context, plan, { to, url: bucket.url, gates });
    const done = options.dryRun ? NOTHING : await watch.time('rewind', () => carryOut(context, bucket, plan));
    const result: RewindResult = {
      ...resultOf(plan, { to, bucket, options, done }),
      gates,
      requests: { ...bucket.requests },
      seconds: watch.seconds(),
    };
    const isRefused = options.dryRun && refused.length > 0;
    return {
      result,
      exitCode: isRefused ? ExitCode.REFUSED : lacksBlocks(gates) ? ExitCode.INTEGRITY : ExitCode.DONE,
    };
  } finally {
    await bucket.close();
  }
}

function momentOf({ to }: RewindOptions, now: Date): Date {
  if (to === undefined)
    throw new UsageError("rewind: '--to TIME' is missing; write such as '--to 2026-11-23T08:30:00Z'");
  if (to > now) throw new UsageError(`rewind: '--to' ${to.toISOString()} is in the future; it is ${now.toISOString()}`);
  return to;
}

function bucketUrlOf({ tempo: { storage } }: RunnerConfig): string {
  if (storage.backend === 's3') return tempoBucketUrl(storage);
  throw new UsageError(
    "rewind: Tempo keeps its blocks in a folder, which has no versions; use 'restore', or set 'tempo.storage.backend' to s3",
  );
}

async function checkVersioning(bucket: VersionedBucket): Promise<void> {
  const versioning = await bucket.versioning();
  if (versioning === 'enabled') return;
  const state = versioning === 'suspended' ? 'is suspended' : "isn't on";
  throw new RefusedError(
    `rewind '${bucket.url}': versioning ${state}, so nothing earlier is kept and a deletion would be for good; switch it on for the next time, and use 'restore' now`,
    undefined,
  );
}

/** What isn't kept can't be told from what never was. */
function checkHistory(
  { blocks, keptSince, suspendedUntil }: BucketHistory,
  { to, url, tenants }: { readonly to: Date; readonly url: string; readonly tenants: readonly string[] },
): void {
  const unknown = tenants.find((tenant) => !blocks.some((block) => block.tenant === tenant));
  if (unknown !== undefined)
    throw new UsageError(
      `rewind '${url}': tenant '${unknown}' has no blocks, and no versions of any; check '--tenant'`,
    );
  const fail = (cause: string, advice: string): RefusedError =>
    new RefusedError(`rewind '${url}' to ${to.toISOString()}: ${cause}; ${advice}`, undefined);
  if (!keptSince) throw fail('it has no versions yet', "use 'restore'");
  if (to < keptSince)
    throw fail(
      `nothing shows that versioning was on then: the oldest version is of ${keptSince.toISOString()}`,
      "give that time or a later one, or use 'restore'",
    );
  if (suspendedUntil && to < suspendedUntil)
    throw fail(
      `versioning was suspended until after ${suspendedUntil.toISOString()}, and what was overwritten meanwhile is gone`,
      "give a later time, or use 'restore'",
    );
}

function isLifted({ name }: Pick<RewindGate, 'name'>, { allow }: RewindOptions): boolean {
  return name !== 'archived' && allow.includes(name);
}

/** Or nobody can tell that it lacks none. */
function lacksBlocks(gates: readonly Pick<RewindGate, 'name'>[]): boolean {
  return gates.some(({ name }) => name === 'lost-versions');
}

function refuse(to: Date, refused: readonly RewindGate[]): void {
  if (refused.length === 0) return;
  const liftable = refused.every(({ name }) => name !== 'archived');
  const lift = refused.map(({ name }) => name).join(',');
  throw new RefusedError(
    `rewind to ${to.toISOString()}: refused: ${refused.map(({ message }) => message).join('; and: ')}`,
    liftable ? lift : undefined,
    { gates: lift },
  );
}

function announce(
  { log }: RewindContext,
  { comeBack, vanish, kept, lost }: RewindPlan,
  { to, url, gates }: { readonly to: Date; readonly url: string; readonly gates: readonly RewindGate[] },
): void {
  const bytes = formatSize(comeBack.reduce((sum, block) => sum + bytesOf(block), 0));
  log.info(
    `rewind '${url}' to ${to.toISOString()}: ${comeBack.length} blocks come back (${bytes}), ${vanish.length} vanish, ${kept.length} are kept`,
  );
  for (const { name, message } of gates) log.warn(`${name}: ${message}`);
  for (const { tenant, block, reason } of lost) log.error(`can't come back: ${reason}`, { tenant, block });
}

async function carryOut(
  { progress, signal }: RewindContext,
  bucket: VersionedBucket,
  plan: RewindPlan,
): Promise<Rewound> {
  let done = 0;
  const total = plan.comeBack.length + plan.vanish.length;
  return rewindBucket(bucket, plan, {
    signal,
    onBlock: () => progress.report({ phase: 'rewinding blocks', done: ++done, total, bytes: 0 }),
  });
}

function resultOf(
  { comeBack, vanish, kept, unchanged, lost }: RewindPlan,
  {
    to,
    bucket,
    options,
    done,
  }: {
    readonly to: Date;
    readonly bucket: VersionedBucket;
    readonly options: RewindOptions;
    readonly done: Rewound;
  },
): Omit<RewindResult, 'gates' | 'requests' | 'seconds'> {
  return {
    to: to.toISOString(),
    bucket: bucket.url,
    dryRun: options.dryRun,
    comeBack: comeBack.map((block) => ({
      tenant: block.tenant,
      id: block.id,
      bytes: bytesOf(block),
      objects: block.description.totalObjects,
      start: new Date(block.description.startTime).toISOString(),
      end: new Date(block.description.endTime).toISOString(),
    })),
    vanish: vanish.map(({ tenant, id }) => ({ tenant, id })),
    kept: kept.map(({ tenant, id }) => ({ tenant, id })),
    unchanged,
    lost,
    objects: { copied: done.copied, hidden: done.hidden },
    bytes: { copied: done.bytes },
  };
}

function bytesOf({ copies, meta }: ReturningBlock): number {
  return [...copies, ...(meta ? [meta] : [])].reduce((sum, { content }) => sum + (content?.size ?? 0), 0);
}
