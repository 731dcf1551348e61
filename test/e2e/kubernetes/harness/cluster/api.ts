import { request } from 'node:https';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { type KubernetesObject, pathOf } from './objects';

export interface Response {
  readonly status: number;
  readonly body: string;
}

interface Call {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 30_000;

/** An answer that isn't the one that was wanted. */
export class ApiError extends Error {
  constructor(
    what: string,
    readonly status: number,
    body: string,
  ) {
    super(`${what}: ${status} ${messageOf(body)}`);
  }
}

/** The API server of the cluster that KUBECONFIG names, called as its user. Only the configuration is read by the client library. */
export class Api {
  private readonly config = new KubeConfig();

  constructor(kubeconfig: string) {
    this.config.loadFromFile(kubeconfig);
  }

  /** Host name or address of the API server. */
  get host(): string {
    return new URL(this.config.getCurrentCluster()?.server ?? '').hostname;
  }

  async call(method: string, path: string, { body = '', headers = {} }: Call = {}): Promise<Response> {
    // Without its length, the body of a DELETE is not taken for one.
    const all = { connection: 'close', 'content-length': Buffer.byteLength(body), ...headers };
    const options: RequestOptions = { method, headers: all, timeout: TIMEOUT_MS };
    await this.config.applyToHTTPSOptions(options);
    const url = new URL(this.config.getCurrentCluster()?.server ?? '');
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, url), { ...options, agent: undefined }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        );
      });
      sent.once('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer within ${TIMEOUT_MS} ms`)));
      sent.once('error', reject);
      sent.end(body);
    });
  }

  async get<T extends KubernetesObject>(object: KubernetesObject): Promise<T | undefined> {
    const { status, body } = await this.call('GET', pathOf(object));
    if (status === 404) return undefined;
    if (status !== 200) throw new ApiError(`get ${object.kind} '${object.metadata.name}'`, status, body);
    return JSON.parse(body) as T;
  }

  /** Objects of this kind in the namespace, with these labels. */
  async list<T extends KubernetesObject>(of: KubernetesObject, labelSelector = ''): Promise<T[]> {
    const path = pathOf({ ...of, metadata: { ...of.metadata, name: '' } });
    const { status, body } = await this.call('GET', `${path}?labelSelector=${encodeURIComponent(labelSelector)}`);
    if (status !== 200) throw new ApiError(`list ${of.kind}`, status, body);
    // The server leaves kind and version out of a list's items.
    return (JSON.parse(body) as { items: T[] }).items.map((item) => ({
      ...item,
      apiVersion: of.apiVersion,
      kind: of.kind,
    }));
  }

  /** Server-side apply, as a GitOps tool does it. */
  async apply(object: KubernetesObject): Promise<void> {
    const path = `${pathOf(object)}?fieldManager=e2e&force=true`;
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    const { status, body } = await this.call('PATCH', path, { body: JSON.stringify(object), headers });
    if (status !== 200 && status !== 201)
      throw new ApiError(`apply ${object.kind} '${object.metadata.name}'`, status, body);
  }

  async merge(object: KubernetesObject): Promise<void> {
    const headers = { 'content-type': 'application/merge-patch+json' };
    const { status, body } = await this.call('PATCH', pathOf(object), { body: JSON.stringify(object), headers });
    if (status !== 200) throw new ApiError(`patch ${object.kind} '${object.metadata.name}'`, status, body);
  }

  /** What isn't there any more is no error; what depends on it goes too. */
  async delete(object: KubernetesObject, gracePeriodSeconds?: number): Promise<void> {
    const body = JSON.stringify({ propagationPolicy: 'Background', gracePeriodSeconds });
    const { status, body: answer } = await this.call('DELETE', pathOf(object), {
      body,
      headers: { 'content-type': 'application/json' },
    });
    if (status >= 300 && status !== 404)
      throw new ApiError(`delete ${object.kind} '${object.metadata.name}'`, status, answer);
  }
}

function messageOf(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? body;
  } catch {
    return body.slice(0, 500);
  }
}
