import { z } from 'zod';
import { type ClaimFacts, claimFactsSchema } from '../../../lib/contract/volume-snapshots/record';
import type { ClusterObject, ObjectRef } from '../cluster-api';
import { parseQuantity } from './quantity';

const texts = z.record(z.string(), z.string()).default({});
const claimSchema = z.object({
  metadata: z.object({ name: z.string(), labels: texts, annotations: texts }),
  spec: z.object({
    accessModes: claimFactsSchema.shape.accessModes,
    volumeMode: claimFactsSchema.shape.volumeMode.default('Filesystem'),
    storageClassName: z.string().optional(),
    volumeName: z.string().optional(),
    resources: z.object({ requests: z.object({ storage: z.string() }) }),
  }),
  status: z
    .object({
      phase: z.string().default('Pending'),
      capacity: z.object({ storage: z.string().optional() }).prefault({}),
    })
    .prefault({}),
});

/** A PersistentVolumeClaim as the runner looks at it. */
export interface Claim extends ClaimFacts {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** `Pending`, `Bound` or `Lost`. */
  readonly phase: string;
}

export function claimRef(namespace: string, name: string): ObjectRef {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name };
}

export function readClaim(object: ClusterObject): Claim {
  const { metadata, spec, status } = claimSchema.parse(object);
  const { annotations } = metadata;
  return {
    claim: metadata.name,
    labels: metadata.labels,
    annotations,
    phase: status.phase,
    volume: spec.volumeName ?? null,
    storageClass: spec.storageClassName || null,
    // Written by the controller that had the volume made; the beta name by clusters before 1.23.
    driver:
      annotations['volume.kubernetes.io/storage-provisioner'] ??
      annotations['volume.beta.kubernetes.io/storage-provisioner'] ??
      null,
    accessModes: spec.accessModes,
    volumeMode: spec.volumeMode,
    bytes: Math.max(
      parseQuantity(spec.resources.requests.storage) ?? 0,
      parseQuantity(status.capacity.storage ?? '0') ?? 0,
    ),
  };
}
