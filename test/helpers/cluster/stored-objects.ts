import { randomUUID } from 'node:crypto';
import type { ClusterObject, ObjectMetadata } from '../../../runtime/cluster/cluster-api';
import { resourceOf } from '../../../runtime/cluster/resources';

/** What the double answers when it refuses. */
export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: ClusterObject;
}

type Fields = Readonly<Record<string, unknown>>;

/** The objects of the cluster, with what the server itself writes into them. */
export class StoredObjects {
  private readonly objects = new Map<string, ClusterObject>();
  private version = 1000;

  constructor(private readonly onChange: (change: Change) => void) {}

  get(key: string): ClusterObject | undefined {
    return this.objects.get(key);
  }

  /** Of a resource in a namespace, by name. */
  below(prefix: string): ClusterObject[] {
    const found = [...this.objects].filter(([key]) => key.startsWith(prefix));
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  all(): ClusterObject[] {
    return [...this.objects.values()];
  }

  create(key: string, object: ClusterObject, dryRun = false): ClusterObject {
    if (this.objects.has(key)) throw new ApiFailure(409, 'AlreadyExists', `${key} already exists`);
    const metadata: ObjectMetadata = {
      ...object.metadata,
      uid: randomUUID(),
      generation: 1,
      creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    };
    return this.store(key, { ...object, metadata }, { type: 'ADDED', dryRun });
  }

  replace(key: string, object: ClusterObject, dryRun = false): ClusterObject {
    const old = this.existing(key);
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion)
      throw new ApiFailure(409, 'Conflict', 'the object has been modified; please apply your changes');
    const { uid, creationTimestamp, generation } = old.metadata;
    const changed = JSON.stringify(object.spec) !== JSON.stringify(old.spec);
    const metadata = {
      ...object.metadata,
      uid,
      creationTimestamp,
      generation: Number(generation ?? 1) + (changed ? 1 : 0),
    };
    const kept = 'status' in old ? { status: old.status } : {};
    return this.store(key, { ...object, ...kept, metadata }, { type: 'MODIFIED', dryRun });
  }

  /** Merge patch, RFC 7386. */
  patch(key: string, patch: Fields, dryRun = false): ClusterObject {
    return this.replace(key, merged(this.existing(key), patch) as ClusterObject, dryRun);
  }

  /** Removes it, and what it owns unless that is to be orphaned. */
  delete(key: string, propagation: string, dryRun = false): ClusterObject {
    const object = this.existing(key);
    if (dryRun) return object;
    this.objects.delete(key);
    this.onChange({ type: 'DELETED', object });
    if (propagation !== 'Orphan') for (const owned of this.ownedBy(object)) this.delete(owned, propagation);
    return object;
  }

  /** As a controller does: no conflicts, status included. */
  put(object: ClusterObject): ClusterObject {
    const key = keyOf(object);
    return this.objects.has(key)
      ? this.store(key, object, { type: 'MODIFIED', dryRun: false })
      : this.create(key, object);
  }

  private ownedBy({ metadata }: ClusterObject): string[] {
    const owners = (object: ClusterObject) => (object.metadata.ownerReferences ?? []) as { uid: string }[];
    return [...this.objects]
      .filter(([, object]) => owners(object).some(({ uid }) => uid === metadata.uid))
      .map(([key]) => key);
  }

  private existing(key: string): ClusterObject {
    const found = this.objects.get(key);
    if (!found) throw new ApiFailure(404, 'NotFound', `${key} not found`);
    return found;
  }

  private store(
    key: string,
    object: ClusterObject,
    { type, dryRun }: { type: Change['type']; dryRun: boolean },
  ): ClusterObject {
    const managedFields = [{ manager: 'double', operation: 'Update', fieldsType: 'FieldsV1', fieldsV1: {} }];
    const resourceVersion = String(dryRun ? this.version : ++this.version);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion, managedFields } };
    if (dryRun) return stored;
    this.objects.set(key, stored);
    this.onChange({ type, object: stored });
    return stored;
  }
}

/** `apps/deployments/monitoring/tempo`. */
export function keyOf({ apiVersion, kind, metadata }: ClusterObject): string {
  const { group, plural } = resourceOf({ apiVersion, kind });
  return `${group}/${plural}/${metadata.namespace ?? 'default'}/${metadata.name}`;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merged(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Record<string, unknown> = isFields(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}
