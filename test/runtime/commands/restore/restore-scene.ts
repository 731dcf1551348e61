import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { RestoreOptions } from '../../../../lib/contract/command-line/commands';
import type { Manifest, TenantIndex } from '../../../../lib/contract/manifest';
import { blockPrefix, configKey, indexKey, pointKey, walPageKey } from '../../../../lib/contract/repository-layout';
import { parseRunnerConfig, type RunnerConfigInput } from '../../../../lib/contract/runner-config';
import type { CommandContext } from '../../../../runtime/commands/context';
import { restore } from '../../../../runtime/commands/restore';
import { NO_PROGRESS } from '../../../../runtime/progress';
import { Repository } from '../../../../runtime/repository/repository';
import { MemoryStorage } from '../../../../runtime/storage/memory-storage';
import type { Storage } from '../../../../runtime/storage/storage';
import { digestOf } from '../../../../runtime/streams/digest';
import type { TargetFs } from '../../../../runtime/tempo/target/target-fs';
import { sourceOf } from '../../../helpers/buffer-source';
import {
  type BlockFiles,
  blockFiles,
  fakeParquet,
  type MadeBlock,
  pageName,
  walMeta,
} from '../../../helpers/tempo-tree';

export const POINT = '2026-11-23T08-30-00Z-7f3a';
export const NOW = new Date('2026-11-23T09:00:00Z');

export interface StoredWal {
  readonly id: string;
  readonly tenant: string;
  readonly pages: readonly Buffer[];
  readonly meta?: string;
  readonly encoding?: string;
}

export interface PointContent {
  readonly tenants?: Readonly<Record<string, readonly BlockFiles[]>>;
  readonly wal?: readonly StoredWal[];
  readonly config?: string;
  /** Last word on the manifest and on the indexes: what a damaged or hostile repository holds. */
  readonly forge?: (manifest: Manifest) => Manifest;
  readonly forgeIndex?: (index: TenantIndex) => unknown;
}

/** A block with data from one hour before `NOW`. */
export function block(tenant: string, options: MadeBlock = {}): BlockFiles {
  return blockFiles(tenant, {
    start: new Date(NOW.getTime() - 7_200_000),
    end: new Date(NOW.getTime() - 3_600_000),
    ...options,
  });
}

export function wal(tenant: string, id: string, traceIds: readonly string[] = ['01'.repeat(16)]): StoredWal {
  return {
    id,
    tenant,
    pages: traceIds.map((traceId) => fakeParquet([traceId], 'wal')),
    meta: recentWalMeta(tenant, id),
  };
}

export function recentWalMeta(tenant: string, id: string, end = new Date(NOW.getTime() - 60_000)): string {
  const meta = JSON.parse(walMeta(tenant, id, 1).toString()) as object;
  return JSON.stringify({ ...meta, startTime: end.toISOString(), endTime: end.toISOString() });
}

/** Stores a recovery point as a backup would. */
export async function storePoint(storage: Storage, content: PointContent): Promise<Repository> {
  const repository = await Repository.open(storage, { create: true, now: () => NOW });
  const tenants: Manifest['tenants'] = [];
  for (const [tenant, blocks] of Object.entries(content.tenants ?? {}))
    tenants.push(await storeTenant(storage, tenant, { blocks, content }));
  const manifest: Manifest = {
    format: 1,
    id: POINT,
    repository: repository.identity.id,
    createdAt: '2026-11-23T08:30:00Z',
    cutAt: '2026-11-23T08:29:51Z',
    scope: 'all',
    rule: null,
    deleteAfter: null,
    pin: null,
    runner: '0.1.0',
    source: { name: 'tempo', tracesPath: 'traces', walPath: 'wal', tempoVersion: '2.9' },
    suspect: [],
    baseline: null,
    damaged: [],
    tenants,
    wal: await Promise.all((content.wal ?? []).map((each) => storeWal(storage, each))),
    config: content.config === undefined ? [] : [await storeConfig(storage, content.config)],
  };
  await storage.put(pointKey(POINT), sourceOf(JSON.stringify(content.forge?.(manifest) ?? manifest)));
  return repository;
}

async function storeTenant(
  storage: Storage,
  tenant: string,
  { blocks, content }: { blocks: readonly BlockFiles[]; content: PointContent },
): Promise<Manifest['tenants'][number]> {
  const entries: TenantIndex['blocks'] = [];
  for (const { id, files } of blocks) {
    const meta = JSON.parse(files.get('meta.json')?.toString() ?? '{}') as Record<string, string & number>;
    for (const [name, bytes] of files) await storage.put(`${blockPrefix(tenant, id)}/${name}`, sourceOf(bytes));
    entries.push({
      id,
      seen: 'seen',
      format: meta['format'] ?? '',
      start: instant(meta['startTime']),
      end: instant(meta['endTime']),
      objects: meta['totalObjects'] ?? 0,
      level: 0,
      replicationFactor: meta['replicationFactor'] ?? 0,
      files: [...files].map(([name, bytes]) => [name, bytes.length, digestOf(bytes)]),
    });
  }
  const index: TenantIndex = { format: 1, tenant, blocks: entries };
  const bytes = gzipSync(JSON.stringify(content.forgeIndex?.(index) ?? index));
  const sha256 = digestOf(bytes);
  await storage.put(indexKey(sha256), sourceOf(bytes));
  return {
    tenant,
    index: { key: indexKey(sha256), size: bytes.length, sha256 },
    fingerprint: '',
    blocks: blocks.length,
    bytes: 1,
    objects: 1,
    oldest: entries[0]?.start ?? null,
    newest: entries[0]?.end ?? null,
  };
}

function instant(text: string | undefined): string {
  const time = new Date(text ?? '');
  return (Number.isNaN(time.getTime()) ? NOW : time).toISOString();
}

async function storeWal(
  storage: Storage,
  { id, tenant, pages, meta, encoding = 'vParquet4' }: StoredWal,
): Promise<Manifest['wal'][number]> {
  const stored: Manifest['wal'][number]['pages'] = [];
  for (const [index, bytes] of pages.entries()) {
    const name = pageName(index + 1);
    const key = walPageKey({ id, tenant, encoding }, name);
    await storage.put(key, sourceOf(bytes));
    stored.push({ name, key, size: bytes.length, sha256: digestOf(bytes) });
  }
  return { id, tenant, encoding, meta: meta ?? recentWalMeta(tenant, id), pages: stored };
}

async function storeConfig(storage: Storage, text: string): Promise<Manifest['config'][number]> {
  const bytes = Buffer.from(text);
  const sha256 = digestOf(bytes);
  await storage.put(configKey(sha256, 'yaml'), sourceOf(bytes));
  return { name: 'tempo.yaml', kind: 'yaml', key: configKey(sha256, 'yaml'), size: bytes.length, sha256 };
}

/** A repository in memory with one recovery point, and an empty folder to restore into. */
export class Scene {
  static async of(content: PointContent, config: Omit<RunnerConfigInput, 'repository'> = {}): Promise<Scene> {
    const storage = new MemoryStorage({ clock: () => NOW });
    return new Scene(storage, await storePoint(storage, content), config);
  }

  // Thousands of restores: on a disk they would take minutes.
  readonly folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tempo-backup-restore-'));
  readonly target = join(this.folder, 'var-tempo');
  readonly logged: string[] = [];

  constructor(
    readonly storage: MemoryStorage,
    readonly repository: Repository,
    private readonly config: Omit<RunnerConfigInput, 'repository'>,
  ) {}

  context(changes: Partial<CommandContext> = {}): CommandContext {
    const log = (message: string): void => void this.logged.push(message);
    return {
      config: parseRunnerConfig({ ...this.config, repository: { url: 'file:///unused' } }),
      repository: this.repository,
      log: { debug: log, info: log, warn: log, error: log },
      progress: NO_PROGRESS,
      cluster: () => Promise.reject(new Error('there is no cluster')),
      signal: new AbortController().signal,
      openBucket: () => {
        throw new Error('no bucket here');
      },
      openStorage: () => Promise.reject(new Error('no other storage here')),
      now: () => NOW,
      ...changes,
    };
  }

  restore(
    options: Partial<RestoreOptions> = {},
    { fs, ...changes }: Partial<CommandContext> & { fs?: TargetFs } = {},
  ): ReturnType<typeof restore> {
    return restore(this.context(changes), { ...DEFAULTS, target: this.target, ...options }, fs);
  }

  /** Files below a folder of the target with their bytes, staging and replaced data left out. */
  tree(below = ''): Map<string, string> {
    return treeOf(join(this.target, below), (name) => !name.startsWith('.tempo-backup-'));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const DEFAULTS: RestoreOptions = {
  recoveryPoint: 'latest',
  scope: 'all',
  tenant: [],
  block: [],
  dryRun: false,
  inCluster: false,
  coordinate: false,
  clearWal: false,
  replace: false,
  thawFor: '7d',
  allow: [],
  output: 'text',
  logLevel: 'info',
};

/** Small files as text, large ones by digest: jest compares buffers byte by byte, in seconds for a megabyte. */
function shown(bytes: Buffer): string {
  return bytes.length < 4096 ? bytes.toString('latin1') : digestOf(bytes);
}

/** Names and contents of all files below a folder. */
export function treeOf(folder: string, wanted: (name: string) => boolean = () => true): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort().filter(wanted);
  return new Map(
    names
      .filter((name) => lstatSync(join(folder, name)).isFile())
      .map((name) => [name, shown(readFileSync(join(folder, name)))]),
  );
}

/** What a tree must hold for these blocks. */
export function filesFor(blocks: Readonly<Record<string, readonly BlockFiles[]>>): Map<string, string> {
  const entries = Object.entries(blocks).flatMap(([tenant, each]) =>
    each.flatMap(({ id, files }) => [...files].map(([name, bytes]) => [join(tenant, id, name), shown(bytes)] as const)),
  );
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
