import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { toArguments } from '../../../lib/contract/command-line/to-arguments';
import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import type { KubernetesConfig } from '../../../lib/contract/kubernetes-config';
import { rollbackSecret } from '../../../lib/contract/kubernetes-rights';
import type { ClusterObject, ObjectRef } from '../../cluster/cluster-api';
import { ClusterError } from '../../cluster/cluster-errors';
import { rememberedReplicas } from '../../cluster/workload/workload';
import { type CoordinatedRun, partsOf } from './coordinated-run';

/** A run that comes later begins anew: what was saved then is no way back any more. */
const GOES_ON_FOR_MS = 24 * 60 * 60 * 1000;
const ANNOTATION = 'tempo-backup/restore';
const OBJECTS = 'objects.json.gz';

const sessionSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{8}$/),
  /** What was asked for: only a run that is asked for the same goes on. */
  request: z.string(),
  recoveryPoint: z.string(),
  startedAt: z.string(),
  /** Whether Tempo ran, or was not there, when the restore began: then its data was as no restore had touched it. */
  wasWhole: z.boolean(),
  finished: z.boolean(),
});

/** One restore, however many runs it takes. */
export type Session = z.infer<typeof sessionSchema>;

/** A session, and Tempo's objects as they were before it. */
export interface SavedSession {
  readonly session: Session;
  readonly objects: readonly ClusterObject[];
}

/**
 * The session that this run goes on with; undefined: there is none that isn't finished. One that moves data is over when Tempo runs again:
 * what was moved then may have been spoilt since.
 */
export async function findSession(
  run: CoordinatedRun,
  workload: ClusterObject | undefined,
): Promise<SavedSession | undefined> {
  const { context, options, api } = run;
  const runs = workload !== undefined && rememberedReplicas(workload) === undefined;
  if (runs && partsOf(options).data) return undefined;
  const secret = await api.get(secretRef(run));
  const saved = secret && savedIn(secret);
  if (!saved) return undefined;
  const { request, startedAt, finished } = saved.session;
  const age = context.now().getTime() - Date.parse(startedAt);
  if (finished || request !== requestOf(options) || age > GOES_ON_FOR_MS) return undefined;
  context.log.info(`going on with the restore that began at ${startedAt}`, { session: saved.session.id });
  return saved;
}

export function newSession(
  { context, options }: CoordinatedRun,
  known: Pick<Session, 'recoveryPoint' | 'wasWhole'>,
): Session {
  return {
    id: randomBytes(4).toString('hex'),
    request: requestOf(options),
    startedAt: context.now().toISOString(),
    finished: false,
    ...known,
  };
}

/** Writes down the session, and what it is going to replace; what an earlier run of it saved stays as that run found it. */
export async function saveSession(run: CoordinatedRun, { session, objects }: SavedSession): Promise<void> {
  const { api, kubernetes } = run;
  const existing = await api.get(secretRef(run));
  const secret: ClusterObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: rollbackSecret(kubernetes),
      namespace: kubernetes.namespace,
      labels: { 'app.kubernetes.io/name': 'tempo-backup', 'app.kubernetes.io/component': 'restore' },
      annotations: { [ANNOTATION]: JSON.stringify(session) },
      ...(existing ? { resourceVersion: existing.metadata.resourceVersion } : {}),
    },
    type: 'Opaque',
    data: { [OBJECTS]: gzipSync(listText(objects)).toString('base64') },
  };
  await (existing ? api.replace(secret) : api.create(secret));
}

/** What was saved stays: it is the way back for who isn't content with what the restore brought. */
export async function finishSession(run: CoordinatedRun, saved: SavedSession): Promise<void> {
  try {
    await saveSession(run, { ...saved, session: { ...saved.session, finished: true } });
  } catch (error) {
    // All that is to be done is done.
    if (!(error instanceof ClusterError)) throw error;
    run.context.log.warn(`${error.message}; the restore is finished all the same`);
  }
}

/** Command that puts back what was saved. */
export function putBackCommand(kubernetes: KubernetesConfig): string {
  const { namespace } = kubernetes;
  const path = OBJECTS.replaceAll('.', '\\.');
  return `kubectl -n ${namespace} get secret ${rollbackSecret(kubernetes)} -o jsonpath='{.data.${path}}' | base64 -d | gunzip | kubectl -n ${namespace} replace -f -`;
}

function requestOf({ recoveryPoint, scope, tenant, clearWal }: RestoreOptions): string {
  return toArguments('restore', { recoveryPoint, scope, tenant, clearWal }).join(' ');
}

function secretRef({ kubernetes }: CoordinatedRun): ObjectRef {
  return { apiVersion: 'v1', kind: 'Secret', namespace: kubernetes.namespace, name: rollbackSecret(kubernetes) };
}

/** As kubectl takes it. */
function listText(items: readonly ClusterObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

function savedIn({ metadata, data }: ClusterObject): SavedSession | undefined {
  const annotation = metadata.annotations?.[ANNOTATION];
  const packed = (data as Readonly<Record<string, string>> | undefined)?.[OBJECTS];
  if (annotation === undefined || packed === undefined) return undefined;
  const session = sessionSchema.safeParse(JSON.parse(annotation)).data;
  const { items } = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString('utf8')) as {
    items: ClusterObject[];
  };
  return session && { session, objects: items };
}
