import { Chart } from 'cdk8s';
import { type IConstruct } from 'constructs';

/** What Kubernetes allows: the label of a DNS name. */
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The namespace of a construct's chart. Throws when there is none, or none that is known before objects are written. */
export function namespaceOf(construct: IConstruct): string {
  const { namespace } = Chart.of(construct);
  const { path } = construct.node;
  if (namespace === undefined)
    throw new Error(
      `${path}: the chart must have a namespace, that of Tempo; write 'new Chart(app, id, { namespace: … })'`,
    );
  if (typeof namespace === 'string' && NAMESPACE.test(namespace)) return namespace;
  throw new Error(
    `${path}: 'namespace' of the chart must be up to 63 lower-case letters, digits and dashes, got ${JSON.stringify(namespace)}`,
  );
}
