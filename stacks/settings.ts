import { type Plan, type PlanContext, recommendedPlan } from 'tempo-backup/contract';

/** What both stacks share: plain data, to be replaced by your own. */
export interface Settings {
  /** Kubernetes namespace of Tempo and of its backups. */
  readonly namespace: string;
  /** Helm release that installs Tempo. */
  readonly release: string;
  /** Name of the bucket that holds the repository. */
  readonly bucket: string;
  /** AWS region of the bucket. */
  readonly region: string;
  /** What is backed up, when and for how long. */
  readonly plan: Plan;
  /** The Tempo that the plan is checked against. */
  readonly context: PlanContext;
}

export const settings: Settings = {
  namespace: 'monitoring',
  release: 'tempo',
  bucket: 'acme-tempo-backups',
  region: 'eu-west-1',
  plan: recommendedPlan(),
  context: { storage: 'local', walVolume: true },
};
