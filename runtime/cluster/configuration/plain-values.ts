import type { ClusterObject } from '../cluster-api';

/** A value of an object that is stored in clear, and where it stands. */
export interface PlainValue {
  /** Such as `data.tempo.yaml` or `env.S3_SECRET_KEY of container 'tempo'`. */
  readonly place: string;
  /** What the value is called, when that tells what it is. */
  readonly name: string | undefined;
  readonly text: string;
}

interface Container {
  readonly name?: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

interface PodTemplate {
  readonly spec?: { readonly containers?: readonly Container[]; readonly initContainers?: readonly Container[] };
}

/** Texts of a ConfigMap by their keys; binary ones are none. */
export function configMapTexts({ data }: ClusterObject): { readonly name: string; readonly text: string }[] {
  return Object.entries((data ?? {}) as Readonly<Record<string, string>>).map(([name, text]) => ({ name, text }));
}

/** What a workload's containers are given in clear; `$(VARIABLE)` is filled in by the kubelet and stands for nothing here. */
export function workloadTexts({ spec }: ClusterObject): PlainValue[] {
  const { template } = (spec ?? {}) as { template?: PodTemplate };
  const containers = [...(template?.spec?.initContainers ?? []), ...(template?.spec?.containers ?? [])];
  return containers.flatMap((container) => {
    const of = `of container '${container.name ?? ''}'`;
    const env = (container.env ?? []).flatMap(({ name, value }) =>
      value === undefined ? [] : [{ place: `env ${name} ${of}`, name, text: expanded(value) }],
    );
    const args = [...(container.command ?? []), ...(container.args ?? [])].map((text, index) => ({
      ...{ place: `argument ${index + 1} ${of}`, name: undefined, text: expanded(text) },
    }));
    return [...env, ...args];
  });
}

function expanded(text: string): string {
  return text.replace(/\$\([A-Za-z_][A-Za-z0-9_.-]*\)/g, '');
}
