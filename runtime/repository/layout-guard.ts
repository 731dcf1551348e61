import type {
  IndexedBlock,
  Manifest,
  ObjectReference,
  TenantIndex,
  TenantSummary,
  WalBlock,
} from '../../lib/contract/manifest';
import {
  blockPrefix,
  CONFIG_PREFIX,
  indexKey,
  isBlockFile,
  isBlockId,
  isTenant,
  pointIdOf,
  pointKey,
  REWRITTEN_PREFIX,
  walPageKey,
} from '../../lib/contract/repository-layout';
import { IntegrityError } from '../errors';

const KIB = 1024;
const MIB = 1024 * KIB;
const TIB = 1024 * 1024 * MIB;

/** The most that any S3-compatible storage keeps in one object. */
const OBJECT_LIMIT = 5 * TIB;
const META_LIMIT = MIB;
const CONFIG_LIMIT = 16 * MIB;
export const INDEX_LIMIT = 64 * MIB;

const SALT = '[0-9a-f]{16}';

/**
 * Refuses a manifest that reaches outside the layout: a repository is untrusted input, and its names become keys and paths.
 */
export function checkManifest(key: string, manifest: Manifest): void {
  const guard = new Guard(key);
  guard.check(pointKey(manifest.id) === key, `its id is '${manifest.id}'`);
  guard.check(
    manifest.baseline === null || pointIdOf(pointKey(manifest.baseline)) !== undefined,
    'its baseline is no ID of a point',
  );
  guard.checkUnique(
    manifest.tenants.map(({ tenant }) => tenant),
    'tenant',
  );
  for (const summary of manifest.tenants) checkSummary(guard, summary);
  guard.checkUnique(manifest.wal.map(walName), 'WAL block');
  for (const block of manifest.wal) checkWalBlock(guard, block);
  guard.checkUnique(
    manifest.config.flatMap(({ object }) => (object ? [`${object.kind}/${object.namespace}/${object.name}`] : [])),
    'object',
  );
  for (const file of manifest.config) {
    guard.check(
      /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(file.key.slice(CONFIG_PREFIX.length)),
      `'${file.key}' is no key of a configuration`,
    );
    guard.check(file.key.startsWith(CONFIG_PREFIX), `'${file.key}' is no key of a configuration`);
    guard.checkSize(file.size, CONFIG_LIMIT, file.key);
  }
}

/** Refuses an index that isn't what the manifest says or reaches outside its tenant's keys. */
export function checkIndex(summary: TenantSummary, index: TenantIndex): void {
  const guard = new Guard(summary.index.key);
  guard.check(index.tenant === summary.tenant, `it is of tenant '${index.tenant}', not '${summary.tenant}'`);
  guard.check(
    index.blocks.length === summary.blocks,
    `it has ${index.blocks.length} blocks, the manifest says ${summary.blocks}`,
  );
  guard.checkUnique(
    index.blocks.map(({ id }) => id),
    'block',
  );
  for (const block of index.blocks) checkBlock(guard, summary.tenant, block);
}

/** Where the files of a block lie. */
export function prefixOf(tenant: string, block: IndexedBlock): string {
  return block.prefix ?? blockPrefix(tenant, block.id);
}

/** The files of a block as objects, in the order of the index: meta.json last. */
export function filesOf(tenant: string, block: IndexedBlock): ObjectReference[] {
  const prefix = prefixOf(tenant, block);
  return block.files.map(([name, size, sha256]) => ({ key: `${prefix}/${name}`, size, sha256 }));
}

/** `<id>+<tenant>+<encoding>`, the name of a WAL block's folder. */
export function walName(block: { readonly id: string; readonly tenant: string; readonly encoding: string }): string {
  return `${block.id}+${block.tenant}+${block.encoding}`;
}

function checkSummary(guard: Guard, { tenant, index }: TenantSummary): void {
  guard.check(isTenant(tenant), `'${tenant}' is no tenant`);
  guard.check(index.key === indexKey(index.sha256), `'${index.key}' is no key of an index`);
  guard.checkSize(index.size, INDEX_LIMIT, index.key);
}

function checkWalBlock(guard: Guard, block: WalBlock): void {
  guard.check(isBlockId(block.id) && isTenant(block.tenant), `'${walName(block)}' is no WAL block`);
  guard.checkUnique(
    block.pages.map(({ name }) => name),
    'page',
  );
  const rewritten = new RegExp(`^${REWRITTEN_PREFIX}wal/${escaped(walName(block))}/${SALT}/[0-9]{10}$`);
  for (const page of block.pages) {
    const itsKey =
      page.key === walPageKey(block, page.name) || (rewritten.test(page.key) && page.key.endsWith(`/${page.name}`));
    guard.check(itsKey, `'${page.key}' is no key of a page of '${walName(block)}'`);
    guard.checkSize(page.size, OBJECT_LIMIT, page.key);
  }
}

function checkBlock(guard: Guard, tenant: string, block: IndexedBlock): void {
  guard.check(isBlockId(block.id), `'${block.id}' is no ID of a block`);
  if (block.prefix !== undefined) {
    const rewritten = new RegExp(`^${REWRITTEN_PREFIX}${escaped(tenant)}/${block.id}/${SALT}$`);
    guard.check(
      rewritten.test(block.prefix) || block.prefix === blockPrefix(tenant, block.id),
      `'${block.prefix}' is no place of block '${block.id}'`,
    );
  }
  const names = block.files.map(([name]) => name);
  guard.checkUnique(names, 'file');
  guard.check(
    names.includes('data.parquet') && names.at(-1) === 'meta.json',
    `block '${block.id}' lacks data.parquet or meta.json`,
  );
  for (const [name, size] of block.files) {
    guard.check(isBlockFile(name), `'${name}' is no file of a block`);
    guard.checkSize(size, name === 'meta.json' ? META_LIMIT : OBJECT_LIMIT, `${block.id}/${name}`);
  }
}

class Guard {
  constructor(private readonly key: string) {}

  check(condition: boolean, otherwise: string): void {
    if (!condition)
      throw new IntegrityError(`read repository: '${this.key}' is damaged: ${otherwise}`, { key: this.key });
  }

  checkSize(size: number, limit: number, name: string): void {
    this.check(size <= limit, `'${name}' would have ${size} bytes, more than the ${limit} that are possible`);
  }

  checkUnique(names: readonly string[], noun: string): void {
    const seen = new Set<string>();
    for (const name of names) {
      this.check(!seen.has(name), `it names ${noun} '${name}' twice`);
      seen.add(name);
    }
  }
}

function escaped(text: string): string {
  return text.replace(/[.*()$^+?[\]{}|\\]/g, '\\$&');
}
