import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import type { BlockFiles } from '../../../helpers/tempo-tree';

export const NAMESPACE = 'monitoring';
const FIXTURE = join(__dirname, '../../../fixtures/tempo-2.9/var-tempo/traces');

/** Real ones, so that Tempo can be asked for their traces. */
export const BLOCKS: Readonly<Record<string, readonly BlockFiles[]>> = {
  'team-a': [
    real('team-a', '274bd888-53b9-42dc-adfe-d9e6ecfc6f2b'),
    real('team-a', 'ed47ad1e-d172-4955-a62c-693be5d526d0'),
  ],
  'team-b': [real('team-b', '9c94af43-b897-486d-85c9-1a1a23d527e3')],
};

function real(tenant: string, id: string): BlockFiles {
  const read = (name: string) => [name, readFileSync(join(FIXTURE, tenant, id, name))] as const;
  return { id, traceIds: [], files: new Map(['data.parquet', 'bloom-0', 'index', 'meta.json'].map(read)) };
}

/** Traces in the blocks, by what their meta.json say. */
export function objectsOf(tenant: string): number {
  const metas = (BLOCKS[tenant] ?? []).map(({ files }) => files.get('meta.json')?.toString() ?? '{}');
  return metas.reduce((sum, meta) => sum + Number((JSON.parse(meta) as { totalObjects: number }).totalObjects), 0);
}

export function clusterObject(apiVersion: string, kind: string, name: string, fields: object): ClusterObject {
  return { apiVersion, kind, metadata: { name, namespace: NAMESPACE, labels: { app: 'tempo' } }, ...fields };
}

/** Tempo's objects: `good` as they are in the recovery point, else as somebody broke them since. */
export function tempoObjects(
  state: 'good' | 'broken',
  kind: 'StatefulSet' | 'Deployment' = 'StatefulSet',
): ClusterObject[] {
  const good = state === 'good';
  const image = good ? 'tempo:2.9.5' : 'tempo:broken';
  // Something added is what an apply would leave there.
  const added = good ? {} : { hostNetwork: true };
  const template = {
    metadata: { labels: { app: 'tempo' } },
    spec: { containers: [{ name: 'tempo', image }], ...added },
  };
  const address = good ? {} : { clusterIP: '10.0.0.7', clusterIPs: ['10.0.0.7'] };
  return [
    clusterObject('v1', 'PersistentVolumeClaim', 'storage-tempo-0', { spec: { accessModes: ['ReadWriteOnce'] } }),
    clusterObject('v1', 'ConfigMap', 'tempo-config', { data: { 'tempo.yaml': good ? 'a: 1' : 'a: [' } }),
    clusterObject('v1', 'Secret', 'tempo-s3', { type: 'Opaque', data: { key: good ? 'Z29vZA==' : 'YmFk' } }),
    clusterObject('v1', 'Service', 'tempo', { spec: { ports: [{ port: good ? 3200 : 3201 }], ...address } }),
    clusterObject('apps/v1', kind, 'tempo', {
      spec: { replicas: 2, selector: { matchLabels: { app: 'tempo' } }, template },
    }),
  ];
}

export function cronJob(name: string, args: readonly string[]): ClusterObject {
  const containers = [{ name: 'runner', image: 'runner:1', args }];
  const spec = { backoffLimit: 2, template: { metadata: { labels: { runner: 'yes' } }, spec: { containers } } };
  return clusterObject('batch/v1', 'CronJob', name, { spec: { suspend: true, jobTemplate: { metadata: {}, spec } } });
}

export const CRON_JOBS = [
  cronJob('tempo-restore', ['restore', '--coordinate', '--config=/etc/tempo-backup/config.yaml', '--scope=full']),
  cronJob('tempo-restore-mover', ['restore', '--replace', '--config=/etc/tempo-backup/config.yaml']),
];
