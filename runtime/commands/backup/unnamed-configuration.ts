import type { KubernetesConfig } from '../../../lib/contract/kubernetes-config';
import type { ClusterObject } from '../../cluster/cluster-api';

/** Where a pod names an object that it can't start without, or not in the same way. */
const REFERENCES: Readonly<Record<string, { readonly kind: 'ConfigMap' | 'Secret'; readonly field: string }>> = {
  configMap: { kind: 'ConfigMap', field: 'name' },
  configMapRef: { kind: 'ConfigMap', field: 'name' },
  configMapKeyRef: { kind: 'ConfigMap', field: 'name' },
  secret: { kind: 'Secret', field: 'secretName' },
  secretRef: { kind: 'Secret', field: 'name' },
  secretKeyRef: { kind: 'Secret', field: 'name' },
};

/**
 * What Tempo's workload uses and nobody named to the runner, in a sentence; undefined when there is none. It may be meant, as with Secrets
 * that something else brings back, so the recovery point is sound without.
 */
export function unnamedConfiguration(
  workload: ClusterObject,
  { configMaps, secrets }: Pick<KubernetesConfig, 'configMaps' | 'secrets'>,
): string | undefined {
  const named = new Set([
    ...configMaps.map((name) => `ConfigMap '${name}'`),
    ...secrets.map((name) => `Secret '${name}'`),
  ]);
  const used = [...new Set(referencesIn(workload['spec']))].filter((reference) => !named.has(reference)).sort();
  if (used.length === 0) return undefined;
  return (
    `${workload.kind} '${workload.metadata.name}' uses ${used.join(', ')}, which no recovery point has; ` +
    "name them in 'kubernetes.configMaps' and 'kubernetes.secrets', unless something else brings them back"
  );
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => [
    ...referenceAt(key, inner),
    ...referencesIn(inner),
  ]);
}

function referenceAt(key: string, value: unknown): string[] {
  const reference = REFERENCES[key];
  if (reference === undefined || typeof value !== 'object' || value === null) return [];
  const fields = value as Readonly<Record<string, unknown>>;
  // In a projected volume, a Secret has its name where a ConfigMap has it.
  const name = fields[reference.field] ?? fields['name'];
  return typeof name === 'string' ? [`${reference.kind} '${name}'`] : [];
}
