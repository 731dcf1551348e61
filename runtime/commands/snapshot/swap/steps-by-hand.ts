import type { ClaimSwap } from '../../../../lib/contract/volume-snapshots/results';
import { type Claim, claimRef, readClaim } from '../../../cluster/objects/claims';
import type { ClusterObject } from '../../../cluster/cluster-api';
import { formatQuantity } from '../../../cluster/objects/quantity';
import type { VolumeSnapshots } from '../../../cluster/objects/volume-snapshots';
import { UsageError } from '../../../errors';
import { timedName } from '../names';
import { claimObject, type ClaimOrder } from './restored-claim';
import type { Workload } from './workload';

interface Situation {
  readonly workload: Workload;
  readonly order: ClaimOrder;
  readonly now: Date;
}

/**
 * What a person does where a volumeClaimTemplate fixes the name of the claim: a claim can't be renamed, so the old one has to make way, and
 * keeping its volume takes rights on PersistentVolumes, which the runner has no business with.
 */
export async function stepsByHand(
  { api, namespace }: VolumeSnapshots,
  { workload, order, now }: Situation,
): Promise<ClaimSwap> {
  const { claim: name } = order.source;
  const found = await api.get(claimRef(namespace, name));
  const old = found && readClaim(found);
  if (!old?.volume)
    throw new UsageError(
      `swap claim '${name}': it has no volume to keep; delete it ('kubectl -n ${namespace} delete pvc ${name}') and run this again`,
      { claim: name, namespace },
    );
  const kept = timedName(name, 'replaced', now);
  const renamed = { ...order, name };
  const fresh = claimObject(renamed, { namespace, labels: old.labels });
  return {
    ...{ workload: workload.name, replacedClaim: kept, done: false },
    steps: stepsFor({ namespace, workload, old: { ...old, volume: old.volume }, kept, fresh }),
    undo: [],
  };
}

interface Change {
  readonly namespace: string;
  readonly workload: Workload;
  readonly old: Claim & { readonly volume: string };
  /** Name that the old claim gets. */
  readonly kept: string;
  readonly fresh: ClusterObject;
}

function stepsFor({ namespace, workload, old, kept, fresh }: Change): string[] {
  const kubectl = `kubectl -n ${namespace}`;
  const patchVolume = (spec: object): string =>
    `kubectl patch pv ${old.volume} --type=merge -p '${JSON.stringify({ spec })}'`;
  const create = (object: object): string => `echo '${JSON.stringify(object)}' | ${kubectl} create -f -`;
  return [
    // First of all: a StatefulSet may be told to delete its claims when it is scaled down.
    patchVolume({ persistentVolumeReclaimPolicy: 'Retain' }),
    `${kubectl} scale ${workload.name} --replicas=0`,
    // Waits until no pod uses it any more.
    `${kubectl} delete pvc ${old.claim} --ignore-not-found --timeout=10m`,
    patchVolume({ claimRef: { name: kept, namespace, uid: null, resourceVersion: null } }),
    create(keepingClaim(old, kept, namespace)),
    create(fresh),
    `${kubectl} scale ${workload.name} --replicas=${workload.replicas}`,
    `${kubectl} rollout status ${workload.name} --timeout=10m`,
  ];
}

/** The old claim under another name. */
function keepingClaim(old: Claim & { readonly volume: string }, name: string, namespace: string): ClusterObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: {
      accessModes: old.accessModes,
      volumeMode: old.volumeMode,
      storageClassName: old.storageClass ?? '',
      resources: { requests: { storage: formatQuantity(old.bytes) } },
      volumeName: old.volume,
    },
  };
}
