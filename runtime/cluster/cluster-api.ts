/** What the API says about every object. */
export interface ObjectMetadata {
  readonly name: string;
  /** Absent in answers to lists of some old servers, and before an object is sent. */
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** An object of the Kubernetes API, of whatever kind: what isn't named here is the kind's own. */
export interface ClusterObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

/** All objects of a kind in a namespace. */
export interface KindRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
}

/** One object. */
export interface ObjectRef extends KindRef {
  readonly name: string;
}

export interface CallOptions {
  /** Ends the call, waits between attempts included. @default - the signal that the connection was opened with */
  readonly signal?: AbortSignal;
}

export interface ListOptions extends CallOptions {
  /** Such as `app.kubernetes.io/name=tempo,component!=x`. @default - all objects */
  readonly labelSelector?: string;
  /** Such as `involvedObject.name=tempo-0`. @default - all objects */
  readonly fieldSelector?: string;
}

export interface WriteOptions extends CallOptions {
  /** The server checks everything, admission included, and changes nothing. @default false */
  readonly dryRun?: boolean;
}

export interface DeleteOptions extends WriteOptions {
  /** What becomes of the objects that it owns. @default 'Background' */
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

export interface LogOptions extends CallOptions {
  /** @default - the only container */
  readonly container?: string;
  readonly onLine: (line: string) => void;
}

/**
 * The Kubernetes API as far as the runner uses it: single objects by name, and lists. Calls that are safe to repeat are repeated when the
 * server is away or busy. Everything that goes wrong is a `RunnerError`: `ForbiddenError`, `ConflictError` or another `ClusterError`.
 */
export interface ClusterApi {
  /** Undefined when there is no such object. */
  get(ref: ObjectRef, options?: CallOptions): Promise<ClusterObject | undefined>;
  list(ref: KindRef, options?: ListOptions): Promise<ClusterObject[]>;
  /** Throws `ConflictError` when there is one of that name. */
  create(object: ClusterObject, options?: WriteOptions): Promise<ClusterObject>;
  /** Throws `ConflictError` when the object has a resourceVersion and was changed since. */
  replace(object: ClusterObject, options?: WriteOptions): Promise<ClusterObject>;
  /** JSON merge patch: null removes a field, a list replaces a list. */
  patch(ref: ObjectRef, patch: Readonly<Record<string, unknown>>, options?: WriteOptions): Promise<ClusterObject>;
  /** False when there was no such object. */
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<boolean>;
  /** Lines of a pod's log from its beginning, until the container ends. */
  followLog(pod: Pick<ObjectRef, 'namespace' | 'name'>, options: LogOptions): Promise<void>;
  /** Ends connections that are kept open. */
  close(): void;
}

/** The reference to an object that was read or is to be sent. */
export function refOf({ apiVersion, kind, metadata }: ClusterObject, namespace: string): ObjectRef {
  return { apiVersion, kind, namespace: metadata.namespace ?? namespace, name: metadata.name };
}
