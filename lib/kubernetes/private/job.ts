import { type k8s } from 'cdk8s-plus-28';
import { ExitCode } from '../../contract/index';
import { CONTAINER, podTemplate, type PodSettings, type Run } from './pod';

/** How a run ended when running it again can't help; the same for all commands, as the meaning of the codes is. */
const FINAL_EXIT_CODES: readonly ExitCode[] = [
  ExitCode.CONFIGURATION,
  ExitCode.REPOSITORY_MISSING,
  ExitCode.INTEGRITY,
  ExitCode.OBJECTIVE_MISSED,
  ExitCode.SOURCE_REGRESSED,
  ExitCode.REFUSED,
  ExitCode.THAWING,
];

/** A run as a Job: tried three times, unless its exit code says that trying again can't help. */
export function jobSpec(settings: PodSettings, run: Run, activeDeadlineSeconds: number): k8s.JobSpec {
  return {
    activeDeadlineSeconds,
    backoffLimit: 2,
    podFailurePolicy: { rules: [ignoreEvictions(), failAtOnce()] },
    template: podTemplate(settings, run),
  };
}

/** A pod that was evicted, preempted or drained did nothing wrong, so it doesn't count as a try. */
function ignoreEvictions(): k8s.PodFailurePolicyRule {
  return { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] };
}

function failAtOnce(): k8s.PodFailurePolicyRule {
  const onExitCodes = { containerName: CONTAINER, operator: 'In', values: [...FINAL_EXIT_CODES] };
  // The type wants conditions beside exit codes, which the API server refuses.
  return { action: 'FailJob', onExitCodes } as Partial<k8s.PodFailurePolicyRule> as k8s.PodFailurePolicyRule;
}
