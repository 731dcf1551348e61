import { z } from 'zod';
import type { ClusterObject, ObjectRef } from '../../../cluster/cluster-api';
import type { VolumeSnapshots } from '../../../cluster/objects/volume-snapshots';
import {
  podSelector,
  rememberedReplicas,
  replicasOf,
  unfinishedRollout,
  workloadRef,
  workloadText,
} from '../../../cluster/workload/workload';
import { UsageError } from '../../../errors';
import type { SnapshotScene } from '../scene';

const volumeSchema = z.looseObject({
  name: z.string(),
  persistentVolumeClaim: z.looseObject({ claimName: z.string() }).optional(),
});
const workloadSchema = z.object({
  spec: z.object({
    template: z.object({ spec: z.object({ volumes: z.array(volumeSchema).default([]) }) }),
    volumeClaimTemplates: z.array(z.object({ metadata: z.object({ name: z.string() }) })).default([]),
  }),
});

export type Volume = z.infer<typeof volumeSchema>;

/** What runs Tempo. */
export interface Workload {
  readonly ref: ObjectRef;
  /** As it was read. */
  readonly object: ClusterObject;
  /** As kubectl takes it: `deployment/tempo`. */
  readonly name: string;
  readonly resourceVersion: string | undefined;
  /** How many it has when it isn't scaled to zero by a restore. */
  readonly replicas: number;
  /** Whether a restore has scaled it to zero, this one or one that was killed. */
  readonly isStopped: boolean;
  readonly volumes: readonly Volume[];
  /** Names of its volumeClaimTemplates. */
  readonly templates: readonly string[];
  /** Label selector of its pods. */
  readonly selector: string;
  /** All its replicas are ready, and of the newest template. */
  readonly isReady: boolean;
}

export async function workloadOf({ kubernetes }: SnapshotScene, snapshots: VolumeSnapshots): Promise<Workload> {
  const ref = workloadRef(kubernetes);
  const found = await snapshots.api.get(ref);
  const shown = workloadText(kubernetes);
  if (!found)
    throw new UsageError(
      `find workload '${shown}': there is none in namespace '${ref.namespace}'; correct 'kubernetes.workload'`,
    );
  const { spec } = workloadSchema.parse(found);
  const before = rememberedReplicas(found);
  return {
    ref,
    object: found,
    name: shown,
    resourceVersion: found.metadata.resourceVersion,
    replicas: before ?? replicasOf(found),
    isStopped: before !== undefined,
    volumes: spec.template.spec.volumes,
    templates: spec.volumeClaimTemplates.map((template) => template.metadata.name),
    selector: podSelector(found),
    isReady: unfinishedRollout(found) === null,
  };
}

/** How a workload comes to a claim: by a volume, whose claim can be changed; by a template, which fixes the claim's name; or not. */
export function useOf({ ref, volumes, templates }: Workload, claim: string): 'volume' | 'template' | 'none' {
  if (volumes.some(({ persistentVolumeClaim: used }) => used?.claimName === claim)) return 'volume';
  const ofTemplate = templates.some((template) => {
    const prefix = `${template}-${ref.name}-`;
    return claim.startsWith(prefix) && /^[0-9]+$/.test(claim.slice(prefix.length));
  });
  return ofTemplate ? 'template' : 'none';
}
