import { isDeepStrictEqual } from 'node:util';
import type { RestoredObject } from '../../../../lib/contract/cluster-restore';
import type { ClusterApi, ClusterObject, ObjectRef, WriteOptions } from '../../../cluster/cluster-api';
import { ConflictError } from '../../../cluster/cluster-errors';
import { stripObject } from '../../../cluster/configuration/strip-object';
import { REPLICAS_ANNOTATION, replicasOf, RESTARTED_ANNOTATION } from '../../../cluster/workload/workload';
import { UsageError } from '../../../errors';
import type { PointObject } from './point-configuration';

const ATTEMPTS = 5;

type Fields = Readonly<Record<string, unknown>>;

/** What is to become of an object. */
export interface Change extends RestoredObject {
  readonly ref: ObjectRef;
  /** What it is now, as somebody would apply it; undefined: it isn't there. */
  readonly before: ClusterObject | undefined;
  /** What it is made of; undefined: it is there. */
  readonly created?: ClusterObject;
  /** What to send; undefined: nothing. */
  readonly write: ((api: ClusterApi, options: WriteOptions) => Promise<ClusterObject>) | undefined;
}

/** Compares the objects with those in the cluster. Nothing is written. */
export async function planChanges(api: ClusterApi, objects: readonly PointObject[]): Promise<Change[]> {
  const changes: Change[] = [];
  for (const each of objects) changes.push(planChange(each, await api.get(each.ref)));
  return changes;
}

/** All of it or nothing: the server checks every object as it would when it is sent, before the first one is sent. */
export async function checkChanges(api: ClusterApi, changes: readonly Change[]): Promise<void> {
  for (const { write } of changes) await write?.(api, { dryRun: true });
}

/** Sends what differs, in the order of the plan. */
export async function writeChanges(api: ClusterApi, changes: readonly Change[]): Promise<void> {
  for (const { write } of changes) await write?.(api, {});
}

/** For the result. */
export function describeChange({ kind, name, action, reason }: Change): RestoredObject {
  return { kind, name, action, ...(reason === undefined ? {} : { reason }) };
}

function planChange({ ref, object }: PointObject, current: ClusterObject | undefined): Change {
  const { kind, name } = ref;
  if (current) refuseDeleted(current);
  const before = current && stripObject(current);
  const change = { ref, kind, name, before, write: undefined };
  if (typeof object === 'string') {
    if (current) return { ...change, action: 'kept', reason: object };
    throw new UsageError(
      `restore ${kind} '${name}': it is missing in the cluster, and can't be taken from the recovery point: ${object}; or create it by hand first`,
    );
  }
  if (!current) {
    const created = newObject(object);
    return { ...change, action: 'created', created, write: (api, options) => api.create(created, options) };
  }
  if (isDeepStrictEqual(comparable(stripObject(object)), comparable(stripObject(current))))
    return { ...change, action: 'unchanged' };
  if (kind === 'PersistentVolumeClaim')
    return { ...change, action: 'kept', reason: 'it differs, and a claim that is there is never changed' };
  return { ...change, action: 'replaced', write: (api, options) => replaceNow(api, { ref, object }, options) };
}

/**
 * As a whole, not by server-side apply: what somebody added since, such as a variable, would stay. It is read once more, as replicas and status
 * change between plan and write.
 */
async function replaceNow(
  api: ClusterApi,
  { ref, object }: { readonly ref: ObjectRef; readonly object: ClusterObject },
  options: WriteOptions,
): Promise<ClusterObject> {
  for (let attempt = 1; ; attempt++) {
    const current = await api.get(ref);
    if (!current) return api.create(newObject(object), options);
    try {
      return await api.replace(replacement(object, current), options);
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= ATTEMPTS) throw error;
    }
  }
}

/** Throws when it is being deleted: one that is half gone can neither be used nor made anew. */
export function refuseDeleted({ kind, metadata }: ClusterObject): void {
  if (metadata.deletionTimestamp === undefined) return;
  const finalizers = ((metadata.finalizers as readonly string[] | undefined) ?? []).join(', ');
  const hint = kind === 'PersistentVolumeClaim' ? ': delete the pods that mount it, ended ones of Jobs too' : '';
  throw new UsageError(
    `restore ${kind} '${metadata.name}': it is being deleted, and held by ${finalizers || 'its dependents'}; wait until it is gone${hint}, then start the restore again`,
  );
}

/** A workload starts without pods, and remembers how many it shall have. */
function newObject(object: ClusterObject): ClusterObject {
  if (!object.apiVersion.startsWith('apps/')) return object;
  // A point that was made while Tempo was stopped is restored to have a Tempo that runs.
  const replicas = String(Math.max(1, replicasOf(object)));
  const annotations = { ...object.metadata.annotations, [REPLICAS_ANNOTATION]: replicas };
  return { ...object, metadata: { ...object.metadata, annotations }, spec: { ...asFields(object.spec), replicas: 0 } };
}

/** How many replicas there are is decided by stopping and starting Tempo alone. */
function withoutReplicas(object: ClusterObject): ClusterObject {
  const { replicas: _replicas, ...spec } = asFields(object.spec);
  const { [REPLICAS_ANNOTATION]: _remembered, ...annotations } = object.metadata.annotations ?? {};
  return { ...object, metadata: { ...object.metadata, annotations }, spec };
}

/** With what the server and controllers gave the object that is there: owners, finalizers, addresses. */
function replacement(object: ClusterObject, current: ClusterObject): ClusterObject {
  const { managedFields: _managed, labels: _labels, annotations: given = {}, ...metadata } = current.metadata;
  const { [REPLICAS_ANNOTATION]: _remembered, ...own } = stripObject(current).metadata.annotations ?? {};
  const others = Object.fromEntries(Object.entries(given).filter(([name]) => !(name in own)));
  const { labels } = object.metadata;
  const { [REPLICAS_ANNOTATION]: _stored, ...annotations } = object.metadata.annotations ?? {};
  return {
    ...object,
    metadata: { ...metadata, ...(labels ? { labels } : {}), annotations: { ...others, ...annotations } },
    ...specFor(object, asFields(current.spec)),
  };
}

function specFor(object: ClusterObject, current: Fields): { readonly spec?: Fields } {
  if (object.kind === 'Service') return { spec: { ...allocated(current), ...asFields(object.spec) } };
  if (!object.apiVersion.startsWith('apps/')) return {};
  const { replicas } = current;
  return { spec: { ...asFields(withoutReplicas(object).spec), ...(replicas === undefined ? {} : { replicas }) } };
}

/** Fields of a Service that can't be changed once they are given. */
function allocated({ clusterIP, clusterIPs, ipFamilies, healthCheckNodePort }: Fields): Fields {
  const fields = { clusterIP, clusterIPs, ipFamilies, healthCheckNodePort };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Without what says nothing about configuration. */
function comparable(object: ClusterObject): unknown {
  const { namespace: _namespace, ...metadata } = object.metadata;
  if (!object.apiVersion.startsWith('apps/')) return { ...object, metadata };
  const { metadata: own, spec } = withoutReplicas(object);
  const { namespace: _same, annotations = {}, ...names } = own;
  const template = asFields(asFields(spec).template);
  return {
    ...object,
    metadata: { ...names, ...filled({ annotations }) },
    spec: { ...asFields(spec), template: { ...template, metadata: withoutRestart(asFields(template.metadata)) } },
  };
}

function withoutRestart({ annotations, ...metadata }: Fields): Fields {
  const { [RESTARTED_ANNOTATION]: _restarted, ...others } = asFields(annotations);
  return { ...metadata, ...filled({ annotations: others }) };
}

/** Absent and empty are the same to the API. */
function filled(fields: Readonly<Record<string, object>>): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => Object.keys(value).length > 0));
}

function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
