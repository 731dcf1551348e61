import { answerOf, type Repeat } from './attempts';
import type {
  CallOptions,
  ClusterApi,
  ClusterObject,
  DeleteOptions,
  KindRef,
  ListOptions,
  LogOptions,
  ObjectRef,
  WriteOptions,
} from './cluster-api';
import { type ClusterCall, ClusterError, ConflictError } from './cluster-errors';
import type { ClusterConnection } from './connection';
import { followLog } from './follow-log';
import { call } from './http-call';
import { pathOf, resourceOf } from './resources';

/** Owner of the fields that `patch` sets. */
const FIELD_MANAGER = 'tempo-backup';
const PAGE = 500;

type Query = Readonly<Record<string, string | undefined>>;

interface Request {
  readonly verb: string;
  readonly method: string;
  readonly ref: KindRef & { readonly name?: string };
  /** Name of what is created, for errors: its path hasn't got it. */
  readonly created?: string;
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly repeat: Repeat;
  readonly signal: AbortSignal | undefined;
}

/** The API over HTTP. */
export class KubernetesApi implements ClusterApi {
  constructor(
    private readonly connection: ClusterConnection,
    private readonly options: { readonly signal: AbortSignal },
  ) {}

  async get(ref: ObjectRef, { signal }: CallOptions = {}): Promise<ClusterObject | undefined> {
    return ifFound(this.object({ verb: 'get', method: 'GET', ref, repeat: 'always', signal }));
  }

  async list({ apiVersion, kind, namespace }: KindRef, options: ListOptions = {}): Promise<ClusterObject[]> {
    const { labelSelector, fieldSelector, signal } = options;
    const ref = { apiVersion, kind, namespace };
    const found: ClusterObject[] = [];
    let next: string | undefined;
    do {
      const query = { limit: String(PAGE), labelSelector, fieldSelector, continue: next };
      const { body } = await this.request({ verb: 'list', method: 'GET', ref, query, repeat: 'always', signal });
      const page = JSON.parse(body) as { items?: ClusterObject[] | null; metadata?: { continue?: string } };
      // The items of a list don't say what they are.
      found.push(...(page.items ?? []).map((item) => ({ ...item, apiVersion, kind })));
      next = page.metadata?.continue || undefined;
    } while (next !== undefined);
    return found;
  }

  async create(object: ClusterObject, { dryRun, signal }: WriteOptions = {}): Promise<ClusterObject> {
    const { name, ...ref } = this.refTo(object);
    const request = {
      verb: 'create',
      method: 'POST',
      ref,
      created: name,
      query: dryRunIf(dryRun),
      body: object,
      signal,
    };
    try {
      return await this.object({ ...request, repeat: 'untouched' });
    } catch (error) {
      // No answer: it may be there, and then creating it again says so.
      if (dryRun || !isUnanswered(error)) throw error;
      return this.createdAfterAll({ ...request, repeat: 'untouched' }, { ...ref, name });
    }
  }

  async replace(object: ClusterObject, { dryRun, signal }: WriteOptions = {}): Promise<ClusterObject> {
    const ref = this.refTo(object);
    const query = dryRunIf(dryRun);
    // Done already and repeated, a replacement would look like somebody else's.
    return this.object({ verb: 'update', method: 'PUT', ref, query, body: object, repeat: 'untouched', signal });
  }

  async patch(
    ref: ObjectRef,
    patch: Readonly<Record<string, unknown>>,
    { dryRun, signal }: WriteOptions = {},
  ): Promise<ClusterObject> {
    return this.object({
      ...{ verb: 'patch', method: 'PATCH', ref, query: { ...dryRunIf(dryRun), fieldManager: FIELD_MANAGER } },
      ...{ body: patch, contentType: 'application/merge-patch+json', repeat: 'always', signal },
    });
  }

  async delete(ref: ObjectRef, { propagation = 'Background', dryRun, signal }: DeleteOptions = {}): Promise<boolean> {
    // Where there is a body, the server looks for nothing in the query: a dry run that is asked for there would delete.
    const options = { propagationPolicy: propagation, ...(dryRun ? { dryRun: ['All'] } : {}) };
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', ...options };
    const deleted = this.request({ verb: 'delete', method: 'DELETE', ref, body, repeat: 'always', signal });
    return (await ifFound(deleted)) !== undefined;
  }

  async followLog(pod: Pick<ObjectRef, 'namespace' | 'name'>, options: LogOptions): Promise<void> {
    await followLog(this.connection, pod, { ...options, signal: options.signal ?? this.options.signal });
  }

  close(): void {
    this.connection.close();
  }

  private refTo({ apiVersion, kind, metadata }: ClusterObject): ObjectRef {
    if (metadata.namespace === undefined)
      throw new TypeError(`${kind} '${metadata.name}' has no namespace; set metadata.namespace before it is sent`);
    return { apiVersion, kind, namespace: metadata.namespace, name: metadata.name };
  }

  private async createdAfterAll(request: Request, ref: ObjectRef): Promise<ClusterObject> {
    try {
      return await this.object(request);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      const found = await this.get(ref, { signal: request.signal });
      if (found === undefined) throw error;
      return found;
    }
  }

  private async object(request: Request): Promise<ClusterObject> {
    const { body } = await this.request(request);
    return JSON.parse(body) as ClusterObject;
  }

  private async request(request: Request): Promise<{ readonly body: string }> {
    const { verb, method, ref, query = {}, body, contentType, repeat, signal = this.options.signal } = request;
    const { namespace, name } = ref;
    const target: ClusterCall = {
      verb,
      resource: resourceOf(ref).plural,
      namespace,
      name: name ?? request.created,
    };
    const path = `${pathOf(ref)}${name === undefined ? '' : `/${encodeURIComponent(name)}`}${queryText(query)}`;
    return answerOf({ call: target, repeat, signal }, () =>
      call(this.connection, {
        ...{ method, path, signal },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(contentType === undefined ? {} : { contentType }),
      }),
    );
  }
}

function dryRunIf(dryRun = false): Query {
  return { dryRun: dryRun ? 'All' : undefined };
}

function queryText(query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, value);
  return given.size > 0 ? `?${given.toString()}` : '';
}

async function ifFound<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof ClusterError && error.status.status === 404) return undefined;
    throw error;
  }
}

function isUnanswered(error: unknown): boolean {
  if (!(error instanceof ClusterError)) return false;
  const { status } = error.status;
  return status === undefined || status >= 500;
}
