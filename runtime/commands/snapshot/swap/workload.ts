import { z } from 'zod';
import { workloadResource } from '../../../../lib/contract/kubernetes-rights';
import { VolumeSnapshotAnnotation } from '../../../../lib/contract/volume-snapshots/labels';
import type { ObjectRef } from '../../../cluster/cluster-api';
import type { VolumeSnapshots } from '../../../cluster/objects/volume-snapshots';
import { UsageError } from '../../../errors';
import type { SnapshotScene } from '../scene';

const volumeSchema = z.looseObject({
  name: z.string(),
  persistentVolumeClaim: z.looseObject({ claimName: z.string() }).optional(),
});
const expressionSchema = z.object({
  key: z.string(),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
  values: z.array(z.string()).default([]),
});
const workloadSchema = z.object({
  metadata: z.object({
    resourceVersion: z.string().optional(),
    generation: z.number().default(0),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.object({
    replicas: z.number().int().nonnegative().default(1),
    selector: z.object({
      matchLabels: z.record(z.string(), z.string()).default({}),
      matchExpressions: z.array(expressionSchema).default([]),
    }),
    template: z.object({ spec: z.object({ volumes: z.array(volumeSchema).default([]) }) }),
    volumeClaimTemplates: z.array(z.object({ metadata: z.object({ name: z.string() }) })).default([]),
  }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      readyReplicas: z.number().default(0),
      updatedReplicas: z.number().default(0),
    })
    .prefault({}),
});

export type Volume = z.infer<typeof volumeSchema>;

/** What runs Tempo. */
export interface Workload {
  readonly ref: ObjectRef;
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
  const { kind, name } = kubernetes.workload;
  const ref: ObjectRef = { apiVersion: 'apps/v1', kind, namespace: snapshots.namespace, name };
  const found = await snapshots.api.get(ref);
  const shown = `${workloadResource(kubernetes).slice(0, -1)}/${name}`;
  if (!found)
    throw new UsageError(
      `find workload '${shown}': there is none in namespace '${ref.namespace}'; correct 'kubernetes.workload'`,
    );
  const { metadata, spec, status } = workloadSchema.parse(found);
  const before = metadata.annotations[VolumeSnapshotAnnotation.REPLICAS];
  const { readyReplicas, updatedReplicas, observedGeneration } = status;
  return {
    ref,
    name: shown,
    resourceVersion: metadata.resourceVersion,
    replicas: /^[0-9]{1,5}$/.test(before ?? '') ? Number(before) : spec.replicas,
    isStopped: before !== undefined,
    volumes: spec.template.spec.volumes,
    templates: spec.volumeClaimTemplates.map((template) => template.metadata.name),
    selector: selectorText(spec.selector),
    isReady:
      observedGeneration >= metadata.generation &&
      readyReplicas === spec.replicas &&
      (spec.replicas === 0 || updatedReplicas === spec.replicas),
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

type Selector = z.infer<typeof workloadSchema>['spec']['selector'];

function selectorText({ matchLabels, matchExpressions }: Selector): string {
  const labels = Object.entries(matchLabels).map(([name, value]) => `${name}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...labels, ...expressions].join(',');
}
