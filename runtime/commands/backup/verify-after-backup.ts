import type { Manifest } from '../../../lib/contract/manifest';
import type { Rule } from '../../../lib/contract/plan/rule';
import type { VerifyProblem, Verified } from '../../../lib/contract/results';
import { InterruptedError, RunnerError } from '../../errors';
import { verifyPoints } from '../../repository/verify';
import { INSPECTOR } from '../verify/inspector';
import type { CommandContext } from '../context';

/** What became of the verification that the plan wants after a backup. */
export interface VerifiedBackup {
  readonly verified: Verified;
  readonly problems: readonly VerifyProblem[];
}

/**
 * Verifies a point that a rule of the plan made, at the level that the plan says. A point made by hand isn't: its requests are what was asked
 * for. That it can't be done is told, and no reason to fail: the point is there.
 */
export async function verifyAfterBackup(
  { config, repository, log, signal }: CommandContext,
  manifest: Manifest,
  rule: Rule | undefined,
): Promise<VerifiedBackup> {
  const { afterBackup: level } = config.plan.verification;
  if (rule === undefined || level === null) return { verified: null, problems: [] };
  try {
    const outcome = await verifyPoints(repository, { points: [manifest.id], level, inspector: INSPECTOR, signal });
    for (const warning of outcome.warnings) log.warn(warning);
    for (const { key, reason } of outcome.problems) log.warn(`'${key}': ${reason}`, { recoveryPoint: manifest.id });
    const isGood = outcome.recoveryPoints.every(({ ok, complete }) => ok && complete);
    return {
      verified: isGood ? { level, at: repository.now().toISOString() } : null,
      problems: outcome.problems,
    };
  } catch (error) {
    if (!(error instanceof RunnerError) || error instanceof InterruptedError) throw error;
    log.warn(`the new recovery point is not verified: ${error.message}`, { recoveryPoint: manifest.id });
    return { verified: null, problems: [] };
  }
}
