import { ExitCode } from '../../../lib/contract/exit-codes';
import type { VolumeSnapshotRule } from '../../../lib/contract/plan/rule';
import { parseDuration } from '../../../lib/contract/values/duration';
import {
  labelValue,
  VolumeSnapshotAnnotation,
  VolumeSnapshotLabel,
} from '../../../lib/contract/volume-snapshots/labels';
import type { ClaimFacts } from '../../../lib/contract/volume-snapshots/record';
import type { SnapshotCreateResult } from '../../../lib/contract/volume-snapshots/results';
import { ConflictError } from '../../cluster/cluster-errors';
import type { VolumeSnapshot, VolumeSnapshots } from '../../cluster/objects/volume-snapshots';
import { RunnerError, UsageError } from '../../errors';
import type { Outcome } from '../context';
import { boundClaim } from './creation/bound-claim';
import { settleLeftovers } from './leftovers';
import { timedName } from './names';
import { whenReady } from './creation/readiness';
import { record } from './records';
import { removeFailed } from './removal';
import { ownLabels, type SnapshotScene } from './scene';
import { factsOf, survey } from './survey';

const DEFAULT_DEADLINE = '30m';
/** Names of one second may be taken by another run. */
const NAME_ATTEMPTS = 5;
const SECOND = 1000;

type Created = SnapshotCreateResult['volumeSnapshots'][number];
type Failed = SnapshotCreateResult['failed'][number] & { readonly exitCode: ExitCode };

interface Order {
  readonly claims: readonly string[];
  readonly rule: VolumeSnapshotRule | undefined;
  readonly deadlineMs: number;
}

/** Makes a volume snapshot of each claim, all at once, and waits until they are ready: the result says which failed, and why. */
export async function create(scene: SnapshotScene): Promise<Outcome<SnapshotCreateResult>> {
  const { context } = scene;
  const order = orderOf(scene);
  const snapshots = await scene.cluster();
  const leftovers = await settleLeftovers(scene, snapshots, await survey(scene, await snapshots.list()));
  const outcomes = await Promise.all(order.claims.map((claim) => createOrFail(scene, snapshots, { claim, ...order })));
  const failed = outcomes.filter((outcome): outcome is Failed => 'exitCode' in outcome);
  for (const { message, claim } of failed) context.log.error(message, { claim });
  const codes = new Set(failed.map(({ exitCode }) => exitCode));
  const [code = ExitCode.DONE] = codes;
  const result: SnapshotCreateResult = {
    action: 'create',
    volumeSnapshots: outcomes.filter((outcome): outcome is Created => 'name' in outcome),
    failed: failed.map(({ claim, message }) => ({ claim, message })),
    ...leftovers,
  };
  return { result, exitCode: codes.size > 1 ? ExitCode.FAILED : code };
}

function orderOf({ context, kubernetes, options }: SnapshotScene): Order {
  const { persistentVolumeClaims: configured } = kubernetes;
  if (configured.length === 0)
    throw new UsageError(
      "snapshot create: 'kubernetes.persistentVolumeClaims' is empty; name the claims of Tempo there",
    );
  if (options.claim !== undefined && !configured.includes(options.claim))
    throw new UsageError(
      `snapshot create: '${options.claim}' is no claim of 'kubernetes.persistentVolumeClaims'; there are ${configured.join(', ')}`,
    );
  const rule = ruleNamed(context.config.plan.volumeSnapshots, options.rule);
  const deadline = options.deadline ?? rule?.allowedRunTime ?? DEFAULT_DEADLINE;
  return {
    claims: options.claim === undefined ? configured : [options.claim],
    rule,
    deadlineMs: parseDuration(deadline),
  };
}

function ruleNamed(rules: readonly VolumeSnapshotRule[], name: string | undefined): VolumeSnapshotRule | undefined {
  const rule = rules.find((each) => each.name === name);
  if (name !== undefined && rule === undefined)
    throw new UsageError(
      `snapshot create: '${name}' is no rule of 'plan.volumeSnapshots'; there are ${rules.map((each) => each.name).join(', ') || 'none'}`,
    );
  return rule;
}

type ClaimOrder = Omit<Order, 'claims'> & { readonly claim: string };

async function createOrFail(
  scene: SnapshotScene,
  snapshots: VolumeSnapshots,
  order: ClaimOrder,
): Promise<Created | Failed> {
  try {
    return await createOne(scene, snapshots, order);
  } catch (error) {
    if (scene.context.signal.aborted || !(error instanceof RunnerError)) throw error;
    return { claim: order.claim, message: error.message, exitCode: error.exitCode };
  }
}

async function createOne(scene: SnapshotScene, snapshots: VolumeSnapshots, order: ClaimOrder): Promise<Created> {
  const { context } = scene;
  const source = await boundClaim(snapshots, order.claim);
  const began = performance.now();
  const { name } = await request(scene, snapshots, { ...order, source });
  const wait = { milliseconds: order.deadlineMs, signal: context.signal };
  const ready = await whenReady(snapshots, name, wait).catch(async (error: unknown) => {
    // Interrupted, it may still become ready: the next run records it then.
    if (context.signal.aborted || !(error instanceof RunnerError)) throw error;
    const left = await removeFailed(snapshots, name);
    throw new RunnerError(`${error.message}; ${left}`, error.exitCode, error.evidence);
  });
  const readySeconds = Math.round(performance.now() - began) / SECOND;
  await recordOrSay(scene, ready, source);
  const known = { name, inCluster: ready, record: undefined, own: true };
  return { ...factsOf(known, { state: 'ready', remark: null }), recorded: true, readySeconds };
}

/** Asks for it, under the name of the next second when another run was there first. */
async function request(
  scene: SnapshotScene,
  snapshots: VolumeSnapshots,
  order: ClaimOrder & { readonly source: ClaimFacts },
): Promise<VolumeSnapshot> {
  const { claim, rule, deadlineMs, source } = order;
  const now = scene.context.now().getTime();
  const labels = {
    ...ownLabels(scene),
    [VolumeSnapshotLabel.COMPONENT]: 'volume-snapshot',
    ...(rule && { [VolumeSnapshotLabel.RULE]: labelValue(rule.name) }),
  };
  const annotations = {
    [VolumeSnapshotAnnotation.CLAIM]: JSON.stringify(source),
    [VolumeSnapshotAnnotation.GIVE_UP_AT]: new Date(now + deadlineMs + SECOND).toISOString(),
    ...(rule && { [VolumeSnapshotAnnotation.DELETE_AFTER]: rule.deleteAfter }),
  };
  const { volumeSnapshotClass: volumeSnapshotClassName } = scene.kubernetes;
  const spec = { volumeSnapshotClassName, source: { persistentVolumeClaimName: claim } };
  for (let attempt = 0; ; attempt++) {
    const name = timedName(claim, '', new Date(now + attempt * SECOND));
    try {
      return await snapshots.create({ metadata: { name, labels, annotations }, spec });
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt + 1 >= NAME_ATTEMPTS) throw error;
    }
  }
}

/** A good volume snapshot isn't thrown away because the repository is away: the next run records it. */
async function recordOrSay(scene: SnapshotScene, ready: VolumeSnapshot, source: ClaimFacts): Promise<void> {
  try {
    await record(scene, ready, source);
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error;
    throw new RunnerError(
      `${error.message}; volume snapshot '${ready.name}' is ready and stays, the next 'snapshot create' or 'prune' records it`,
      error.exitCode,
      error.evidence,
    );
  }
}
