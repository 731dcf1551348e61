import type { Manifest } from '../../../lib/contract/manifest';
import { IntegrityError, RefusedError } from '../../errors';
import { checkPresence } from '../../repository/verification/check-presence';
import { resolvePoint } from '../../repository/verification/latest-verified';
import type { CoordinatedRun } from './coordinated-run';

const NAMED = 3;

/** The recovery point that is asked for, or that the session has chosen: of this Tempo, and with everything it names there. */
export async function pickPoint(run: CoordinatedRun, chosen: string | undefined): Promise<Manifest> {
  const { context, options } = run;
  const { repository, log } = context;
  const manifest = await resolvePoint(repository, chosen ?? options.recoveryPoint, (message) => log.warn(message));
  refuseOtherSource(run, manifest);
  await refuseDamaged(run, manifest);
  return manifest;
}

function refuseOtherSource({ context, options, kubernetes }: CoordinatedRun, { id, source, config }: Manifest): void {
  if (options.allow.includes('other-source')) return;
  const { name } = context.config.tempo;
  if (source.name !== name) {
    throw new RefusedError(
      `restore '${id}': it is of Tempo '${source.name}', this one is '${name}'; choose another one, or say that it is meant by '--allow other-source'`,
      'other-source',
    );
  }
  const namespaces = [source.namespace, ...config.map(({ object }) => object?.namespace)];
  const other = namespaces.find((namespace) => namespace !== undefined && namespace !== kubernetes.namespace);
  if (other === undefined) return;
  throw new RefusedError(
    `restore '${id}': it is of namespace '${other}', this one is '${kubernetes.namespace}'; choose another one, or say that it is meant by '--allow other-source'`,
    'other-source',
  );
}

async function refuseDamaged({ context, options }: CoordinatedRun, { id }: Manifest): Promise<void> {
  const problems = await checkPresence(context.repository, id, context.signal);
  if (problems.length === 0) return;
  const named = problems.slice(0, NAMED).map(({ key, reason }) => `'${key}': ${reason}`);
  const text = `${problems.length} of its objects are missing or damaged: ${named.join('; ')}`;
  if (options.allow.includes('damaged')) return context.log.warn(`restoring '${id}' though ${text}`);
  throw new IntegrityError(
    `restore '${id}': ${text}; nothing was changed: choose another recovery point, or go on without them by '--allow damaged'`,
    { problems: problems.length },
  );
}
