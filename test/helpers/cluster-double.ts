import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesRight } from '../../lib/contract/kubernetes-rights';
import type { ClusterApi, ClusterObject } from '../../runtime/cluster/cluster-api';
import type { ClusterConnection } from '../../runtime/cluster/connection';
import { KubernetesApi } from '../../runtime/cluster/kubernetes-api';
import { isPermitted, matchesFields, matchesSelector, readRequest, type RecordedCall } from './cluster/api-request';
import { ApiFailure, type Change, keyOf, StoredObjects } from './cluster/stored-objects';

export type { RecordedCall } from './cluster/api-request';

/** What happens to a call instead of, or before, its answer. */
export type Fault = {
  /** Answers with this status, nothing is done. */
  readonly status?: number;
  /** What it says then. @default 'a fault' */
  readonly message?: string;
  /** `before`: nothing was done; `after`: it was done, and only the answer is lost. */
  readonly reset?: 'before' | 'after';
  readonly delayMs?: number;
};

/** Reacts to a change as a controller of the cluster would. */
export type Controller = (change: Change, cluster: ClusterDouble) => void;

export interface ClusterDoubleOptions {
  readonly objects?: readonly ClusterObject[];
  /** @default - everything is permitted */
  readonly rights?: readonly KubernetesRight[];
  /** The identity that refusals name. @default 'system:serviceaccount:monitoring:tempo-backup' */
  readonly user?: string;
  readonly controllers?: readonly Controller[];
}

/** A Kubernetes API server on loopback, for the namespaced objects that the runner handles: real HTTP, objects in memory. */
export class ClusterDouble {
  static async start(options: ClusterDoubleOptions = {}): Promise<ClusterDouble> {
    const double = new ClusterDouble(options);
    for (const object of options.objects ?? []) double.put(object);
    await double.listen(0);
    return double;
  }

  /** Every call that arrived, refused ones included, in order. */
  readonly calls: RecordedCall[] = [];
  /** Asked before each call. */
  fault: (call: RecordedCall, nth: number) => Fault | undefined = () => undefined;
  rights: readonly KubernetesRight[] | undefined;
  private server: Server;
  /** Kept, as a call that was delayed may be answered after the stop. */
  private port = 0;
  private readonly stored = new StoredObjects((change) => this.react(change));
  private readonly logs = new Map<string, string[]>();
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly options: ClusterDoubleOptions) {
    this.rights = options.rights;
    this.server = this.newServer();
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The API as the runner's code uses it. */
  api(signal: AbortSignal = new AbortController().signal): ClusterApi {
    return new KubernetesApi(this.connection(), { signal });
  }

  connection(): ClusterConnection {
    return {
      server: new URL(this.url),
      options: () => Promise.resolve({ headers: { authorization: 'Bearer double' } }),
      close: () => undefined,
    };
  }

  kubeconfig(): string {
    const entry = (kind: string, value: object) => [{ name: 'double', [kind]: value }];
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'double',
      clusters: entry('cluster', { server: this.url, 'insecure-skip-tls-verify': true }),
      users: entry('user', { token: 'double' }),
      contexts: entry('context', { cluster: 'double', user: 'double', namespace: 'monitoring' }),
    });
  }

  /** Writes an object past all rights and conflicts, status included. */
  put(object: ClusterObject): ClusterObject {
    return this.stored.put(object);
  }

  remove(object: ClusterObject): void {
    this.stored.delete(keyOf(object), 'Background');
  }

  find(kind: string, name: string): ClusterObject | undefined {
    return this.stored.all().find((object) => object.kind === kind && object.metadata.name === name);
  }

  all(kind: string): ClusterObject[] {
    return this.stored.all().filter((object) => object.kind === kind);
  }

  /** What a pod of this name logs. */
  log(pod: string, ...lines: string[]): void {
    this.logs.set(pod, [...(this.logs.get(pod) ?? []), ...lines]);
  }

  /** Comes back after a stop. */
  async listen(port: number): Promise<void> {
    if (this.server.address() !== null) this.server = this.newServer();
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.sockets.forEach((socket) => socket.destroy());
    await closed;
  }

  private newServer(): Server {
    const server = createServer((request, response) => void this.handle(request, response));
    return server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  private react(change: Change): void {
    for (const controller of this.options.controllers ?? []) setImmediate(controller, change, this);
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = request.method === 'GET' ? undefined : await json(request);
    const call = readRequest(request, body);
    if (!call) return answer(response, new ApiFailure(404, 'NotFound', `no such path: ${request.url ?? ''}`));
    const nth = this.calls.push(call);
    const { delayMs = 0, reset, status, message = 'a fault' } = this.fault(call, nth) ?? {};
    if (delayMs > 0) await delay(delayMs, undefined, { ref: false });
    if (reset === 'before') return void request.socket.destroy();
    if (status !== undefined) return answer(response, new ApiFailure(status, 'InternalError', message));
    const result = this.outcome(call, { body, url: request.url ?? '' });
    if (reset === 'after') return void request.socket.destroy();
    if (typeof result === 'string') return void response.writeHead(200, { 'content-type': 'text/plain' }).end(result);
    answer(response, result);
  }

  private outcome(call: RecordedCall, request: { body: unknown; url: string }): object | string {
    try {
      if (this.rights && !isPermitted(call, this.rights)) throw this.refusal(call);
      return this.perform(call, request.body, new URL(request.url, this.url).searchParams);
    } catch (error) {
      if (error instanceof ApiFailure) return error;
      throw error;
    }
  }

  private refusal({ verb, group, resource, name, namespace }: RecordedCall): ApiFailure {
    const { user = 'system:serviceaccount:monitoring:tempo-backup' } = this.options;
    const object = name === undefined ? resource : `${resource} "${name}"`;
    return new ApiFailure(
      403,
      'Forbidden',
      `${object} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${group}" in the namespace "${namespace}"`,
    );
  }

  private perform(call: RecordedCall, body: unknown, query: URLSearchParams): object | string {
    const { verb, group, resource, name, namespace, dryRun } = call;
    const folder = `${group}/${resource}/${namespace}/`;
    const key = `${folder}${name ?? ''}`;
    const object = body as ClusterObject;
    if (resource === 'pods/log') return (this.logs.get(name ?? '') ?? []).map((line) => `${line}\n`).join('');
    switch (verb) {
      case 'get':
        return this.stored.get(key) ?? new ApiFailure(404, 'NotFound', `${resource} "${name ?? ''}" not found`);
      case 'list':
        return this.page(folder, query);
      case 'create':
        return this.stored.create(`${folder}${object.metadata.name}`, object, dryRun);
      case 'update':
        return this.stored.replace(key, object, dryRun);
      case 'patch':
        return this.stored.patch(key, { ...object }, dryRun);
      case 'delete':
        return this.stored.delete(
          key,
          (body as { propagationPolicy?: string }).propagationPolicy ?? 'Background',
          dryRun,
        );
      case 'watch':
        throw new ApiFailure(405, 'MethodNotAllowed', 'watch');
    }
  }

  /** As the server does: items without kind, and no more than `limit` of them at once. */
  private page(folder: string, query: URLSearchParams): object {
    const labels = query.get('labelSelector');
    const fields = query.get('fieldSelector');
    const found = this.stored
      .below(folder)
      .filter(({ metadata }) => !labels || matchesSelector(metadata.labels ?? {}, labels))
      .filter((object) => !fields || matchesFields(object, fields));
    const start = Number(query.get('continue') ?? 0);
    const end = start + Number(query.get('limit') ?? found.length);
    const items = found.slice(start, end).map(({ apiVersion: _version, kind: _kind, ...item }) => item);
    return { kind: 'List', metadata: end < found.length ? { continue: String(end) } : {}, items };
  }
}

function answer(response: ServerResponse, result: object): void {
  const failure = result instanceof ApiFailure ? result : undefined;
  const { status = 200, reason, message } = failure ?? {};
  const body = failure
    ? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, reason, message }
    : result;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
