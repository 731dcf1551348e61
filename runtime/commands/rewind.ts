import type { RewindOptions } from '../../lib/contract/command-line/commands';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { RewindGate, RewindResult } from '../../lib/contract/results';
import type { RunnerConfig } from '../../lib/contract/runner-config';
import { tempoBucketUrl } from '../../lib/contract/tempo-storage-config';
import { formatSize } from '../../lib/contract/values/size';
import { RefusedError, UsageError } from '../errors';
import type { VersionedBucket } from '../storage/bucket';
import { Stopwatch } from '../stopwatch';
import { readHistory } from '../tempo/bucket/block-history';
import { rewindBucket, type Rewound } from '../tempo/bucket/rewind';
import { planRewind, type RewindPlan } from '../tempo/bucket/rewind-plan';
import type { CommandContext, Outcome } from './context';
import { checkHistory, checkVersioning, momentOf } from './rewind/rewind-checks';
import { answerOfTempo } from './rewind/answer-of-tempo';
import { findRewindGates } from './rewind/rewind-gates';
import { bytesOf, resultOf } from './rewind/rewind-result';
import { awaitVersions, thawedUntilOf } from './rewind/thaw-versions';
import { expiryOfVersions } from './rewind/version-expiry';
import { readTempoSettings } from './tempo-settings';

/** A repository isn't needed, and may be lost too. */
export type RewindContext = Pick<CommandContext, 'config' | 'log' | 'progress' | 'signal' | 'now'> & {
  readonly openVersions: (url: string) => VersionedBucket;
};

const NOTHING: Rewound = { copied: 0, hidden: 0, bytes: 0 };

interface Prepared {
  readonly to: Date;
  readonly plan: RewindPlan;
  readonly gates: readonly RewindGate[];
}

/** Brings Tempo's bucket back to what it was at a moment, from the versions that it keeps. No version is ever deleted. */
export async function rewind(context: RewindContext, options: RewindOptions): Promise<Outcome<RewindResult>> {
  const watch = new Stopwatch();
  const to = momentOf(options, context.now());
  const bucket = context.openVersions(bucketUrlOf(context.config));
  try {
    await checkVersioning(bucket);
    const prepared = await watch.time('plan', () => prepare(context, options, { to, bucket }));
    if (!options.dryRun) refuse(prepared);
    announce(context, prepared, { url: bucket.url, ...options });
    const { plan, gates } = prepared;
    const action = `rewind to ${to.toISOString()}`;
    if (!options.dryRun) await awaitVersions(bucket, plan.archived, { ...options, action, signal: context.signal });
    const done = options.dryRun ? NOTHING : await watch.time('rewind', () => carryOut(context, bucket, plan));
    const result: RewindResult = {
      ...resultOf(plan, { to, bucket, options, done }),
      gates,
      requests: { ...bucket.requests },
      seconds: watch.seconds(),
    };
    return { result, exitCode: exitCodeOf(result) };
  } finally {
    await bucket.close();
  }
}

function bucketUrlOf({ tempo: { storage } }: RunnerConfig): string {
  if (storage.backend === 's3') return tempoBucketUrl(storage);
  throw new UsageError(
    "rewind: Tempo keeps its blocks in a folder, which has no versions; use 'restore', or set 'tempo.storage.backend' to s3",
  );
}

async function prepare(
  { config, signal }: RewindContext,
  options: RewindOptions,
  { to, bucket }: { readonly to: Date; readonly bucket: VersionedBucket },
): Promise<Prepared> {
  const history = await readHistory(bucket, options.tenant, { to, signal });
  checkHistory(history, { to, url: bucket.url, tenants: options.tenant });
  const now = await bucket.now();
  const expiry = expiryOfVersions(config.plan, now.getTime() - to.getTime());
  const plan = await planRewind(bucket, history, { mayHaveExpired: expiry !== undefined, signal });
  const { retention, tempo } = await readTempoSettings(config);
  const answer = await answerOfTempo(config.tempo.url, signal);
  const { blocklistPoll } = tempo;
  const found = findRewindGates(plan, history, { now, to, expiry, retention, blocklistPoll, answer });
  return { to, plan, gates: found.map((gate) => ({ ...gate, allowed: options.allow.includes(gate.name) })) };
}

/** Of a dry run: what would stop the real one. */
function exitCodeOf({ archived, dryRun, gates }: RewindResult): ExitCode {
  if (dryRun && gates.some(({ allowed }) => !allowed)) return ExitCode.REFUSED;
  if (dryRun && archived.thawed < archived.objects) return ExitCode.THAWING;
  // Blocks are lost, or nobody can tell that none is.
  return gates.some(({ name }) => name === 'lost-versions') ? ExitCode.INTEGRITY : ExitCode.DONE;
}

/** Throws unless all gates are open. */
function refuse({ to, gates }: Prepared): void {
  const refused = gates.filter(({ allowed }) => !allowed);
  if (refused.length === 0) return;
  const lift = refused.map(({ name }) => name).join(',');
  const causes = refused.map(({ message }) => message).join('; and: ');
  throw new RefusedError(`rewind to ${to.toISOString()}: refused: ${causes}`, lift, { gates: lift });
}

function announce(
  { log }: RewindContext,
  { to, plan, gates }: Prepared,
  { url, dryRun }: { readonly url: string; readonly dryRun: boolean },
): void {
  const { comeBack, waiting, vanish, kept, lost } = plan;
  const back = [...comeBack, ...waiting];
  const bytes = formatSize(back.reduce((sum, block) => sum + bytesOf(block), 0));
  log.info(
    `rewind '${url}' to ${to.toISOString()}: ${back.length} block${back.length === 1 ? '' : 's'} to come back (${bytes}), ${vanish.length} to vanish, ${kept.length} to be kept`,
  );
  const until = thawedUntilOf(plan.archived);
  if (until !== undefined) log.info(until);
  // What they are about is in the result.
  if (!dryRun) for (const { name } of gates) log.warn(`rewinding with '--allow ${name}'`);
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
