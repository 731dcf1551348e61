import { join } from 'node:path';
import { parseDuration } from '../../../lib/contract/values/duration';
import type { Damage, Manifest } from '../../../lib/contract/manifest';
import type { S3TempoStorage } from '../../../lib/contract/tempo-storage-config';
import type { RunnerConfig } from '../../../lib/contract/runner-config';
import { UsageError } from '../../errors';
import type { GateInput, Owner, TargetFacts } from '../../tempo/gates/gate-input';
import { retentionForAll } from '../../tempo/configuration/retention';
import { COMPLETE_BLOCK_TIMEOUT_MS } from '../../tempo/configuration/tempo-config';
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
import type { TargetTempo } from './target-tempo';

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
  const path = tracesBeside(tempo.storage);
  if (path !== undefined) return treeAt({ path, walPath: tempo.storage.walPath }, paths);
  throw new UsageError(
    "restore: Tempo keeps its blocks in a bucket, and the write-ahead log has no folder there; name one with '--target DIR'",
  );
}

/** Where blocks would lie beside a write-ahead log on a disk, when Tempo keeps its own in a bucket; undefined: no disk has it. */
export function tracesBeside({ walPath }: S3TempoStorage): string | undefined {
  if (walPath === undefined) return undefined;
  return join(walPath.replace(/\/live-store\/traces\/*$/, '/live-store'), '..', 'traces');
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
