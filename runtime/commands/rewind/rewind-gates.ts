import type { RewindGate } from '../../../lib/contract/results';
import { formatDuration } from '../../../lib/contract/values/duration';
import { type RetentionRules, retentionOf } from '../../tempo/configuration/retention';
import type { BucketHistory } from '../../tempo/bucket/block-history';
import type { RewindPlan } from '../../tempo/bucket/rewind-plan';

/** Tempo writes its index of a tenant at each poll, every 5 minutes unless it is told otherwise: two polls. */
const RUNNING_MS = 10 * 60_000;

export interface RewindFacts {
  /** By the server's clock. */
  readonly now: Date;
  readonly to: Date;
  readonly retention: RetentionRules;
  /** See `TempoConfig`. */
  readonly blocklistPoll: number | undefined;
  /** What Tempo's address answered; undefined when nothing did, or the configuration names none. */
  readonly answer: string | undefined;
  /** See `expiryOfVersions`. */
  readonly expiry: string | undefined;
}

/** What stands against a rewind. */
export function findRewindGates(
  plan: RewindPlan,
  history: BucketHistory,
  facts: RewindFacts,
): Omit<RewindGate, 'allowed'>[] {
  const found: readonly [RewindGate['name'], string | undefined][] = [
    ['tempo-running', runningGate(history, facts)],
    ['empty', emptyGate(plan, facts)],
    ['lost-versions', lostGate(plan, facts)],
    ['retention', retentionGate(plan, facts)],
  ];
  return found.flatMap(([name, message]) => (message === undefined ? [] : [{ name, message }]));
}

/** The index alone would miss a Tempo that has just been started, or whose poll fails. */
function runningGate({ polledAt }: BucketHistory, { now, blocklistPoll, answer }: RewindFacts): string | undefined {
  const window = Math.max(RUNNING_MS, 2 * (blocklistPoll ?? 0));
  const isPolled = polledAt !== undefined && now.getTime() - polledAt.getTime() <= window;
  const signs = [
    ...(answer === undefined ? [] : [answer]),
    ...(isPolled ? [`it wrote its index of a tenant at ${polledAt.toISOString()}`] : []),
  ];
  if (signs.length === 0) return undefined;
  const wait = isPolled ? ` and wait ${formatDuration(window)},` : '';
  return (
    `a Tempo seems to be running: ${signs.join(', and ')}; it would compact and delete meanwhile; ` +
    `stop it, or at least its compactor,${wait} or pass '--allow tempo-running' when it is stopped`
  );
}

function emptyGate({ comeBack, waiting, unchanged, vanish }: RewindPlan, { to }: RewindFacts): string | undefined {
  if (comeBack.length + waiting.length + unchanged > 0 || vanish.length === 0) return undefined;
  return `no block was live at ${to.toISOString()}, so all ${vanish.length} that are now would vanish; check the time and its zone, or pass '--allow empty'`;
}

function lostGate({ kept, lost }: RewindPlan, { to, expiry }: RewindFacts): string | undefined {
  const [first] = lost;
  const causes = [
    ...(first
      ? [
          `${lost.length} blocks that were live then, or may have been, can't come back, such as '${first.block}' of tenant '${first.tenant}': ${first.reason}`,
        ]
      : []),
    ...(expiry === undefined
      ? []
      : [
          `noncurrent versions are removed after ${expiry} ('plan.storage.lifecycle'), so of what was deleted since ${to.toISOString()} some may be gone without a trace`,
        ]),
  ];
  if (causes.length === 0) return undefined;
  const stay = kept.length === 1 ? '1 block' : `${kept.length} blocks`;
  const since = first && expiry === undefined ? 'of their tenants that came since' : 'that came since';
  return (
    `${causes.join('; and ')}; restore these from a recovery point, and pass '--allow lost-versions' for the others; ` +
    `${stay} ${since} ${kept.length === 1 ? 'stays' : 'stay'} visible then, as what is lost may be compacted into them`
  );
}

function retentionGate({ comeBack }: RewindPlan, { now, retention }: RewindFacts): string | undefined {
  const old = comeBack.filter(
    ({ tenant, description }) => Date.parse(description.endTime) < now.getTime() - retentionOf(retention, tenant),
  );
  if (old.length === 0) return undefined;
  return (
    `Tempo would delete ${old.length} of the ${comeBack.length} blocks that come back: they are older than its retention (${retention.origin}); ` +
    `raise it or switch compaction off before Tempo starts, then pass '--allow retention'`
  );
}
