import type { ConfigFile, Manifest } from '../../../../lib/contract/manifest';
import type { KubernetesConfig } from '../../../../lib/contract/kubernetes-config';
import type { ClusterObject, ObjectRef } from '../../../cluster/cluster-api';
import { configurationRefs } from '../../../cluster/configuration/capture';
import { IntegrityError, UsageError } from '../../../errors';
import { fetchObject } from '../../../repository/fetch';
import { decryptSecret } from '../../../secrets/secret-decryption';
import type { CommandContext } from '../../context';

/** Larger than any object that the API takes. */
const OBJECT_LIMIT = 4 * 1024 * 1024;
/** Claims before what mounts them, and the workload last. */
const ORDER = ['PersistentVolumeClaim', 'ConfigMap', 'Secret', 'Service', 'StatefulSet', 'Deployment'];

/** An object as the recovery point has it. */
export interface PointObject {
  readonly ref: ObjectRef;
  /** In the namespace of the restore. A text: why it can't be read, for a Secret without its key. */
  readonly object: ClusterObject | string;
}

/** Tempo's objects in a recovery point, in the order in which they are to be made. */
export interface PointConfiguration {
  readonly objects: readonly PointObject[];
  /** What the configuration names and the point lacks, and the reverse, in sentences. */
  readonly remarks: readonly string[];
}

/** Only objects that the configuration names: a recovery point could hold anything. */
export async function readPointConfiguration(
  context: CommandContext,
  kubernetes: KubernetesConfig,
  manifest: Manifest,
): Promise<PointConfiguration> {
  const refs = configurationRefs(kubernetes).sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const files = new Map(manifest.config.map((file) => [nameOf(file.object), file]));
  const objects: PointObject[] = [];
  const remarks: string[] = [];
  for (const ref of refs) {
    const file = files.get(nameOf(ref));
    if (file) objects.push({ ref, object: await read(context, file, ref) });
    else remarks.push(`the recovery point lacks ${ref.kind} '${ref.name}', which stays as it is`);
    files.delete(nameOf(ref));
  }
  for (const { object } of files.values())
    if (object)
      remarks.push(
        `${object.kind} '${object.name}' of the recovery point is not restored: 'kubernetes' doesn't name it`,
      );
  if (objects.length === 0) {
    throw new UsageError(
      `restore '${manifest.id}': it holds no Kubernetes objects of this Tempo; choose a recovery point of scope all or config, or restore its data alone by '--scope all'`,
    );
  }
  return { objects, remarks };
}

function nameOf(object: Pick<ObjectRef, 'kind' | 'name'> | undefined): string {
  return object ? `${object.kind}/${object.name}` : '';
}

async function read(context: CommandContext, file: ConfigFile, ref: ObjectRef): Promise<ClusterObject | string> {
  const bytes = await readBytes(context, file);
  if (file.encryption === undefined && ref.kind !== 'Secret') return parse(file, bytes, ref);
  try {
    return parse(file, await decryptSecret(`Secret '${ref.name}'`, bytes, context.config.encryption), ref);
  } catch (error) {
    // No key, or another one: the Secret in the cluster may be all that is needed.
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

async function readBytes({ repository, signal }: CommandContext, { key, size, sha256 }: ConfigFile): Promise<Buffer> {
  if (size > OBJECT_LIMIT)
    throw new IntegrityError(`read '${key}': it has ${size} bytes, more than any Kubernetes object`, { key, size });
  const bytes = Buffer.alloc(size);
  const copy = (offset: number, part: Buffer): Promise<void> => Promise.resolve(void part.copy(bytes, offset));
  await fetchObject(repository.storage, { key, size, sha256 }, copy, signal);
  return bytes;
}

/** What is in it must be what the manifest says: under another name it would be written where nobody looks for it. */
function parse({ key }: ConfigFile, bytes: Buffer, { apiVersion, kind, name, namespace }: ObjectRef): ClusterObject {
  const object = parseJson(key, bytes);
  if (object.apiVersion !== apiVersion || object.kind !== kind || object.metadata?.name !== name)
    throw new IntegrityError(
      `read '${key}': it is no ${kind} '${name}' of '${apiVersion}'; choose another recovery point`,
    );
  return { ...object, apiVersion, kind, metadata: { ...object.metadata, name, namespace } };
}

function parseJson(key: string, bytes: Buffer): Partial<ClusterObject> {
  try {
    return JSON.parse(bytes.toString('utf8')) as Partial<ClusterObject>;
  } catch {
    // The parser quotes the text, which may be of a Secret.
    throw new IntegrityError(`read '${key}': it is no JSON; choose another recovery point`, { key });
  }
}
