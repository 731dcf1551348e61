import { type KubernetesIdentity } from '../../contract/index';
import { VERSION } from './version';

/** Annotation of each pod template: a new configuration is a new template, which GitOps tools see. */
export const CONFIG_HASH_ANNOTATION = 'tempo-backup/config-hash';

/** Label of whatever runs for a rule of the plan. */
export const RULE_LABEL = 'tempo-backup/rule';

/** Labels by which the pods of the runner are found; they never change for a given Tempo. */
export function selectorLabels(tempo: string): Record<string, string> {
  return { 'app.kubernetes.io/name': 'tempo-backup', 'app.kubernetes.io/instance': tempo };
}

/** The recommended labels of an object that belongs to no Tempo, as it may serve several. */
export function sharedLabels(): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'tempo-backup',
    'app.kubernetes.io/version': VERSION,
    'app.kubernetes.io/part-of': 'tempo',
    'app.kubernetes.io/managed-by': 'cdk8s',
  };
}

/**
 * The recommended labels of an object.
 *
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
 */
export function recommendedLabels(tempo: string, component?: KubernetesIdentity): Record<string, string> {
  return {
    ...sharedLabels(),
    ...selectorLabels(tempo),
    ...(component === undefined ? {} : { 'app.kubernetes.io/component': component }),
  };
}
