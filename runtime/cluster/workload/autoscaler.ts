import type { ClusterApi, ObjectRef } from '../cluster-api';

interface AutoscalerSpec {
  readonly scaleTargetRef?: { readonly kind?: string; readonly name?: string };
}

/** Name of the HorizontalPodAutoscaler that scales the workload; null when there is none. */
export async function autoscalerOf(api: ClusterApi, { kind, name, namespace }: ObjectRef): Promise<string | null> {
  const all = await api.list({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', namespace });
  const found = all.find(({ spec }) => {
    const { scaleTargetRef: target } = (spec as AutoscalerSpec | undefined) ?? {};
    return target?.kind === kind && target.name === name;
  });
  return found?.metadata.name ?? null;
}
