import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import type { ConfigFile, Manifest } from '../../../lib/contract/manifest';
import type { ClusterObject } from '../../cluster/cluster-api';
import { configMapTexts } from '../../cluster/configuration/plain-values';
import { UsageError } from '../../errors';
import { fetchObject } from '../../repository/fetch';
import { isDamage } from '../../repository/repository';
import { isTempoConfig } from '../../tempo/configuration/find-tempo-config';
import { readTempoConfig, type TempoConfig } from '../../tempo/configuration/tempo-config';
import type { ConfigText } from '../../tempo/configuration/tempo-config-text';
import type { CommandContext } from '../context';

/** What is known of the Tempo that will read what is restored. */
export interface TargetTempo {
  readonly config: TempoConfig;
  readonly version: string | undefined;
}

/**
 * From the files that the configuration names, else from what is mounted of Tempo's ConfigMaps and, when the disaster took them all, from
 * the configuration in the recovery point: that may be older than what decides how long restored blocks live.
 */
export async function readTargetTempo(
  context: CommandContext,
  manifest: Manifest,
  options: RestoreOptions,
): Promise<TargetTempo> {
  const { tempo } = context.config;
  const given = (await Promise.all(tempo.configFiles.map((file) => readConfigFile(context, file)))).flat();
  const config = readTempoConfig(given.length > 0 ? given : await presentOrStored(context, manifest));
  return {
    config,
    version: options.tempoVersion ?? tempo.version ?? likelyVersion(config.version, manifest.source.tempoVersion),
  };
}

async function readConfigFile({ log }: CommandContext, file: string): Promise<ConfigText[]> {
  try {
    return [{ name: file, text: await readFile(file, 'utf8') }];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    log.warn(`can't read '${file}', which 'tempo.configFiles' names`, { code });
    return [];
  }
}

async function presentOrStored(context: CommandContext, manifest: Manifest): Promise<ConfigText[]> {
  const present = (
    await Promise.all(context.config.tempo.configFolders.map((folder) => configsInFolder(context, folder)))
  ).flat();
  return present.length > 0 ? present : storedConfigFiles(context, manifest);
}

/** A ConfigMap that is gone is mounted as an empty folder, and one that is broken may be why there is a restore. */
async function configsInFolder(context: CommandContext, folder: string): Promise<ConfigText[]> {
  try {
    const files = (await namesIn(folder)).map(async (name) => ({
      name,
      text: await readFile(join(folder, name), 'utf8'),
    }));
    const found = (await Promise.all(files)).filter(isTempoConfig);
    found.forEach((each) => void readTempoConfig([each]));
    return found;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!(error instanceof UsageError) && code === undefined) throw error;
    context.log.warn(
      `can't read Tempo's configuration in '${folder}', so that of the recovery point counts: ${message}`,
    );
    return [];
  }
}

/** Kubernetes keeps what it mounts in hidden folders, with a link for each file. */
async function namesIn(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  return (await readdir(folder)).filter((name) => !name.startsWith('.') && /\.ya?ml$/.test(name)).sort();
}

/** Configuration only serves to warn here: what can't be read of it must not keep the data from coming back. */
async function storedConfigFiles(context: CommandContext, manifest: Manifest): Promise<ConfigText[]> {
  const texts: ConfigText[] = [];
  for (const file of manifest.config) {
    if (file.kind !== 'yaml' && file.object?.kind !== 'ConfigMap') continue;
    try {
      const text = (await storedBytes(context, file)).toString('utf8');
      const found = file.kind === 'yaml' ? [{ name: file.name, text }] : tempoConfigsIn(text);
      // Alone, so that a broken one doesn't take the others with it.
      found.forEach((each) => void readTempoConfig([each]));
      texts.push(...found.map((each) => ({ ...each, name: `${each.name} of the recovery point` })));
    } catch (error) {
      if (!isDamage(error) && !(error instanceof UsageError) && !(error instanceof SyntaxError)) throw error;
      context.log.warn(`can't read Tempo's configuration in the recovery point: ${error.message}`);
    }
  }
  return texts;
}

async function storedBytes(context: CommandContext, { key, size, sha256 }: ConfigFile): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  const copy = (offset: number, part: Buffer) => Promise.resolve(void part.copy(bytes, offset));
  await fetchObject(context.repository.storage, { key, size, sha256 }, copy, context.signal);
  return bytes;
}

/** Files in a ConfigMap that Tempo is configured by. */
function tempoConfigsIn(json: string): ConfigText[] {
  return configMapTexts(JSON.parse(json) as ClusterObject).filter(isTempoConfig);
}

/** A configuration tells the major version, the point the exact one of the Tempo that it was taken of. */
function likelyVersion(configured: TempoConfig['version'], source: string | null): string | undefined {
  if (configured === undefined) return source ?? undefined;
  return source !== null && source.startsWith(configured.slice(0, 2)) ? source : configured;
}
