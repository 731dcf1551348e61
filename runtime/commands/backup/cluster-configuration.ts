import type { ConfigFile } from '../../../lib/contract/manifest';
import type { ClusterObject } from '../../cluster/cluster-api';
import { canonicalJson } from '../../cluster/configuration/canonical-json';
import { captureConfiguration, type CapturedObject } from '../../cluster/configuration/capture';
import { configMapTexts, workloadTexts } from '../../cluster/configuration/plain-values';
import { UsageError } from '../../errors';
import type { PointBuilder } from '../../repository/point-builder';
import { SecretEncryption } from '../../secrets/secret-encryption';
import { isTempoConfig, secretsInText } from '../../tempo/configuration/find-tempo-config';
import { holdsSecret, isSecretKey } from '../../tempo/configuration/secret-text';
import type { ConfigText } from '../../tempo/configuration/tempo-config-text';
import type { CommandContext } from '../context';
import { unnamedConfiguration } from './unnamed-configuration';

/** Tempo's Kubernetes objects as they are now, and how those among them that are secret are stored. */
export interface ClusterConfiguration {
  readonly objects: readonly CapturedObject[];
  /** What couldn't be had, in sentences. */
  readonly lacks: readonly string[];
  /** Absent when there are no Secrets. */
  readonly encryption: SecretEncryption | undefined;
}

/**
 * Reads Tempo's Kubernetes objects; undefined when the configuration names none. One with a secret in clear is left out and said to be
 * lacking: what somebody writes into a ConfigMap must not end the backups of data.
 */
export async function readClusterConfiguration(context: CommandContext): Promise<ClusterConfiguration | undefined> {
  const { kubernetes, encryption: readers } = context.config;
  if (!kubernetes) return undefined;
  const encryption = kubernetes.secrets.length > 0 ? await SecretEncryption.load(readers) : undefined;
  const captured = await captureConfiguration(await context.cluster(), kubernetes, context.signal);
  const objects: CapturedObject[] = [];
  const lacks = [...captured.lacks];
  for (const each of captured.objects) {
    const reason = secretInClear(each.object);
    if (reason === undefined) objects.push(each);
    else lacks.push(reason);
    const unnamed = each.ref.kind === kubernetes.workload.kind && unnamedConfiguration(each.object, kubernetes);
    if (unnamed) context.log.warn(unnamed);
  }
  return { objects, lacks, encryption };
}

/** Tempo's own configuration among the texts of the ConfigMaps. */
export function tempoConfigTexts({ objects }: ClusterConfiguration): ConfigText[] {
  return objects
    .filter(({ ref }) => ref.kind === 'ConfigMap')
    .flatMap(({ ref, object }) =>
      configMapTexts(object)
        .filter(isTempoConfig)
        .map(({ name, text }) => ({ name: `configmaps/${ref.name}: ${name}`, text })),
    );
}

/**
 * Stores each object; a Secret that is the same for the same readers keeps the message that the newest point has of it. Returns what the
 * point lacks, in sentences.
 */
export async function storeClusterConfiguration(
  { config }: PointBuilder,
  { objects, lacks, encryption }: ClusterConfiguration,
): Promise<string[]> {
  const all = [...lacks];
  for (const captured of objects) {
    const file = describe(captured);
    const bytes = Buffer.from(canonicalJson(captured.object));
    if (captured.ref.kind !== 'Secret') {
      await config.store({ ...file, bytes });
    } else if (encryption) {
      const known = config.known(file.name);
      const message =
        known && isSame(known, captured, encryption) ? known : await encrypted(bytes, captured, encryption);
      if (typeof message === 'string') all.push(message);
      else if ('bytes' in message) await config.store({ ...file, ...message });
      else config.keep(message);
    }
  }
  return all;
}

type EncryptedSecret = Required<Pick<ConfigFile, 'encryption'>> & { readonly bytes: Buffer };

/** A sentence when a key can't be encrypted to: one that expired overnight must not end the backups of data. */
async function encrypted(
  plain: Buffer,
  { ref, uid, resourceVersion }: CapturedObject,
  encryption: SecretEncryption,
): Promise<EncryptedSecret | string> {
  try {
    const { bytes, readers } = await encryption.encrypt(plain);
    return { bytes, encryption: { ...readers, uid, resourceVersion } };
  } catch (error) {
    if (error instanceof UsageError) return `the configuration lacks Secret '${ref.name}': ${error.message}`;
    throw error;
  }
}

/** By what the API says, never by content: anything of the content that is stored could be guessed offline. */
function isSame(known: ConfigFile, { ref, uid, resourceVersion }: CapturedObject, ours: SecretEncryption): boolean {
  const { object, encryption } = known;
  return (
    encryption !== undefined &&
    object?.namespace === ref.namespace &&
    uid !== '' &&
    encryption.uid === uid &&
    encryption.resourceVersion === resourceVersion &&
    ours.isFor(encryption)
  );
}

function describe({ ref }: CapturedObject): Pick<ConfigFile, 'name' | 'kind'> & Required<Pick<ConfigFile, 'object'>> {
  const { apiVersion, kind, namespace, name } = ref;
  const suffix = kind === 'Secret' ? 'json.pgp' : 'json';
  return {
    name: `${kind}/${name}`,
    kind: `${kind.toLowerCase()}.${suffix}`,
    object: { apiVersion, kind, namespace, name },
  };
}

/** What is wrong, in a sentence; undefined when the object can be stored as it is. */
function secretInClear(object: ClusterObject): string | undefined {
  const { kind, metadata } = object;
  if (kind === 'ConfigMap') return secretInConfigMap(object);
  if (kind !== 'StatefulSet' && kind !== 'Deployment') return undefined;
  const secret = workloadTexts(object).find(
    ({ name, text }) => text !== '' && ((name !== undefined && isSecretKey(name)) || holdsSecret(text)),
  );
  return (
    secret &&
    `the configuration lacks ${kind} '${metadata.name}': ${secret.place} is a secret in clear, which is never stored; keep it in a Secret and refer to it by 'valueFrom.secretKeyRef'`
  );
}

function secretInConfigMap(object: ClusterObject): string | undefined {
  for (const file of configMapTexts(object)) {
    const [secret] = secretsInText(file);
    if (secret !== undefined)
      return `the configuration lacks ConfigMap '${object.metadata.name}': '${secret}' of '${file.name}' is a secret in clear, which is never stored; keep it in a Secret, write \${VARIABLE} there and start Tempo with -config.expand-env=true`;
  }
  return undefined;
}
