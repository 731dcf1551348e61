import { readFile } from 'node:fs/promises';
import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import { parseDuration } from '../../../lib/contract/values/duration';
import type { ConfigFile, Damage, Manifest } from '../../../lib/contract/manifest';
import type { RunnerConfig } from '../../../lib/contract/runner-config';
import type { ClusterObject } from '../../cluster/cluster-api';
import { configMapTexts } from '../../cluster/configuration/plain-values';
import { UsageError } from '../../errors';
import { isDamage } from '../../repository/repository';
import { fetchObject } from '../../repository/fetch';
import type { GateInput, Owner, TargetFacts } from '../../tempo/gates/gate-input';
import { retentionForAll } from '../../tempo/configuration/retention';
import { COMPLETE_BLOCK_TIMEOUT_MS, readTempoConfig, type TempoConfig } from '../../tempo/configuration/tempo-config';
import { isTempoConfig } from '../../tempo/configuration/find-tempo-config';
import type { ConfigText } from '../../tempo/configuration/tempo-config-text';
import type { PlannedFolder } from '../../tempo/target/target-folder';
import {
  freeBytesOf,
  ownerOf,
  type SourcePaths,
  type TargetTree,
  treeAt,
  treeBelow,
} from '../../tempo/target/target-tree';
import type { CommandContext } from '../context';
import type { Selection } from './restore-selection';

/** What is known of the Tempo that will read what is restored. */
export interface TargetTempo {
  readonly config: TempoConfig;
  readonly version: string | undefined;
}

/** From the files that the configuration names and, when the disaster took them, from those in the recovery point. */
export async function readTargetTempo(
  context: CommandContext,
  manifest: Manifest,
  options: RestoreOptions,
): Promise<TargetTempo> {
  const { tempo } = context.config;
  const given = (await Promise.all(tempo.configFiles.map((file) => readConfigFile(context, file)))).flat();
  const config = readTempoConfig(given.length > 0 ? given : await storedConfigFiles(context, manifest));
  return {
    config,
    version: options.tempoVersion ?? tempo.version ?? likelyVersion(config.version, manifest.source.tempoVersion),
  };
}

/** WAL of one major version lies where the other one doesn't look, unless somebody set the path. */
export function sourcePathsFor(version: string | undefined, source: SourcePaths): SourcePaths {
  const usual = version?.startsWith('3.') ? 'live-store/traces' : 'wal';
  const other = usual === 'wal' ? 'live-store/traces' : 'wal';
  const moves = version !== undefined && source.walPath === other;
  return { tracesPath: source.tracesPath, walPath: moves ? usual : source.walPath };
}

/** Where a restore to a disk puts things. */
export function treeFor({ tempo }: RunnerConfig, target: string | undefined, paths: SourcePaths): TargetTree {
  if (target !== undefined) return treeBelow(target, paths);
  if (tempo.storage.backend === 'local') return treeAt(tempo.storage, paths);
  throw new UsageError(
    "restore: Tempo keeps its blocks in a bucket, and the write-ahead log has no folder there; name one with '--target DIR'",
  );
}

export function wantedOwner({ config }: CommandContext, tree: TargetTree): Owner | undefined {
  const [uid, gid] = config.tempo.owner?.split(':').map(Number) ?? [];
  return uid !== undefined && gid !== undefined ? { uid, gid } : ownerOf(tree);
}

export function currentUser(): Owner {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/** Of the Tempo that will read it. */
export function tempoFacts(
  context: CommandContext,
  { config, version }: TargetTempo,
): Pick<TargetFacts, 'version' | 'retention' | 'rf1After' | 'completeBlockTimeout'> {
  const { retention } = context.config.tempo;
  const timeout =
    version?.startsWith('3.') && config.version !== '3.0'
      ? COMPLETE_BLOCK_TIMEOUT_MS['3.0']
      : config.completeBlockTimeout;
  return {
    version,
    retention:
      retention === undefined
        ? config.retention
        : retentionForAll(parseDuration(retention), "'tempo.retention' of the configuration"),
    rf1After: config.rf1After,
    completeBlockTimeout: timeout,
  };
}

/** Of the place where it goes too; `freed` are bytes that a restore frees there before it writes. */
export function targetFacts(
  context: CommandContext,
  tempo: TargetTempo,
  { tree, freed }: { readonly tree: TargetTree; readonly freed: number },
): TargetFacts {
  return {
    ...tempoFacts(context, tempo),
    path: tree.parent,
    freeBytes: freeBytesOf(tree) + freed,
    owner: wantedOwner(context, tree),
    user: currentUser(),
  };
}

/** Of the selection, what the folders stand for, as gates look at it. */
export function gatedBlocks(
  selection: Selection,
  folders: readonly PlannedFolder[],
  intoTenant: string | undefined,
): Pick<GateInput, 'blocks' | 'walBlocks'> {
  const targets = new Set(folders.map(({ kind, id }) => `${kind} ${id}`));
  return {
    blocks: selection.blocks
      .filter(({ block }) => targets.has(`block ${block.id}`))
      .map(({ tenant, block }) => ({
        tenant: intoTenant ?? tenant,
        id: block.id,
        format: block.format,
        start: new Date(block.start),
        end: new Date(block.end),
        replicationFactor: block.replicationFactor,
      })),
    walBlocks: selection.wal
      .filter(({ block }) => targets.has(`wal ${block.id}`))
      .map(({ block, end }) => ({ tenant: intoTenant ?? block.tenant, id: block.id, encoding: block.encoding, end })),
  };
}

/** Sentences on what the point lacks of the selection: a damaged block that an earlier point had whole is no lack. */
export function damageOf(manifest: Manifest, selection: Selection, tenants: readonly string[]): string[] {
  const whole = new Set(selection.blocks.map(({ block }) => block.id));
  const lacking = manifest.damaged.filter(
    ({ tenant, block }) => !whole.has(block) && (tenants.length === 0 || tenants.includes(tenant)),
  );
  return [...manifest.suspect, ...[...lacking, ...selection.damaged].map(sentence)];
}

export function sentence({ tenant, block, reason }: Damage): string {
  return block === '*' ? `tenant '${tenant}': ${reason}` : `block '${block}' of tenant '${tenant}': ${reason}`;
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
