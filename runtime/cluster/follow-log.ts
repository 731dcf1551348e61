import { text } from 'node:stream/consumers';
import type { LogOptions, ObjectRef } from './cluster-api';
import { type ClusterCall, clusterError } from './cluster-errors';
import type { ClusterConnection } from './connection';
import { send } from './http-call';
import { statusIn, unanswered } from './attempts';
import { pathOf } from './resources';

/** Lines of a pod's log as they come, until its container ends. Not repeated: lines would come twice. */
export async function followLog(
  connection: ClusterConnection,
  pod: Pick<ObjectRef, 'namespace' | 'name'>,
  { container, onLine, signal }: LogOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const call: ClusterCall = { verb: 'get', resource: 'pods/log', namespace: pod.namespace, name: pod.name };
  const query = new URLSearchParams({ follow: 'true', ...(container === undefined ? {} : { container }) });
  const root = pathOf({ apiVersion: 'v1', kind: 'Pod', namespace: pod.namespace });
  const path = `${root}/${encodeURIComponent(pod.name)}/log?${query.toString()}`;
  try {
    const response = await send(connection, { method: 'GET', path, signal });
    if (response.statusCode !== 200)
      throw clusterError(call, { status: response.statusCode, ...statusIn(await text(response)) });
    // What is followed may have nothing to say for longer than an answer may take.
    response.socket.setTimeout(0);
    await eachLine(response.setEncoding('utf8') as AsyncIterable<string>, onLine);
  } catch (error) {
    throw signal.aborted ? signal.reason : unanswered(call, error);
  }
}

async function eachLine(chunks: AsyncIterable<string>, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  }
  if (rest !== '') onLine(rest);
}
