import type { SnapshotOptions } from '../../../lib/contract/command-line/commands';
import type { KubernetesConfig } from '../../../lib/contract/kubernetes-config';
import { labelValue, MANAGER, VolumeSnapshotLabel } from '../../../lib/contract/volume-snapshots/labels';
import { type VolumeSnapshot, VolumeSnapshots } from '../../cluster/objects/volume-snapshots';
import { UsageError } from '../../errors';
import type { CommandContext } from '../context';

/** What each action of `snapshot` works with. */
export interface SnapshotScene {
  readonly context: CommandContext;
  readonly kubernetes: KubernetesConfig;
  readonly options: SnapshotOptions;
  /** Opens the Kubernetes API when first asked for. */
  readonly cluster: () => Promise<VolumeSnapshots>;
}

export function openScene(context: CommandContext, options: SnapshotOptions): SnapshotScene {
  const { kubernetes } = context.config;
  if (kubernetes === undefined)
    throw new UsageError(
      `snapshot ${options.action}: 'kubernetes' is missing in the configuration; name there the namespace, the workload and the claims of Tempo`,
    );
  const cluster = async () => new VolumeSnapshots(await context.cluster(), kubernetes.namespace);
  return { context, kubernetes, options, cluster };
}

/** Labels of what the runner makes for this Tempo. */
export function ownLabels({ context }: SnapshotScene): Record<string, string> {
  return {
    [VolumeSnapshotLabel.NAME]: MANAGER,
    [VolumeSnapshotLabel.MANAGED_BY]: MANAGER,
    [VolumeSnapshotLabel.TEMPO]: labelValue(context.config.tempo.name),
  };
}

/** Whether the runner made it, for this Tempo: nothing else is ever deleted. */
export function isOwn(scene: SnapshotScene, { labels }: VolumeSnapshot): boolean {
  return Object.entries(ownLabels(scene)).every(([name, value]) => labels[name] === value);
}
