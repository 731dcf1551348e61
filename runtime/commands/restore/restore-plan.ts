import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Manifest } from '../../../lib/contract/manifest';
import { filesOf } from '../../repository/layout-guard';
import type { PlannedFolder } from '../../tempo/target/target-folder';
import { STAGING_FOLDER } from '../../tempo/target/target-journal';
import { blockFolder, type TargetTree, walFolder } from '../../tempo/target/target-tree';
import type { SelectedBlock, SelectedWalBlock, Selection } from './restore-selection';

export interface RestorePlan {
  readonly folders: readonly PlannedFolder[];
  /** The same folder for the same restore, so that a run after a crash finds what the one before it staged. */
  readonly staging: string;
}

export interface PlanOptions {
  /** What becomes of data that is there: restores that differ in this don't go on from one another. */
  readonly mode: 'add' | 'replace' | 'replace-blocks' | 'clear-wal';
  readonly intoTenant: string | undefined;
}

/** Where each file of the selection goes. */
export function planRestore(
  manifest: Manifest,
  selection: Selection,
  tree: TargetTree,
  { mode, intoTenant }: PlanOptions,
): RestorePlan {
  const blocks = selection.blocks.map((selected) => plannedBlock(selected, tree, intoTenant));
  const known = new Set(blocks.map(({ id }) => id));
  // A WAL block whose block comes back too would be written a second time.
  const wal = selection.wal
    .filter(({ block }) => !known.has(block.id))
    .map((selected) => plannedWalBlock(selected, tree, intoTenant));
  const folders = [...blocks, ...wal];
  return {
    folders,
    staging: join(tree.parent, STAGING_FOLDER, fingerprint(folders, `${manifest.id} ${mode}`)),
  };
}

function fingerprint(folders: readonly PlannedFolder[], beginning: string): string {
  const hash = createHash('sha256').update(beginning);
  for (const { target, files, meta, intoTenant } of folders) {
    const digests = files.map(({ reference }) => reference.sha256).join(' ');
    hash.update(`\n${target} ${digests} ${typeof meta === 'string' ? meta : meta.sha256} ${intoTenant ?? ''}`);
  }
  return hash.digest('hex').slice(0, 16);
}

function plannedBlock(
  { tenant, block }: SelectedBlock,
  tree: TargetTree,
  intoTenant: string | undefined,
): PlannedFolder {
  const files = filesOf(tenant, block).map((reference) => ({
    name: reference.key.slice(reference.key.lastIndexOf('/') + 1),
    reference,
  }));
  const meta = files.find(({ name }) => name === 'meta.json');
  return {
    ...blockFolder(tree, intoTenant ?? tenant, block.id),
    tenant: intoTenant ?? tenant,
    id: block.id,
    kind: 'block',
    files: files.filter((file) => file !== meta),
    meta: meta?.reference ?? '',
    intoTenant,
  };
}

function plannedWalBlock({ block }: SelectedWalBlock, tree: TargetTree, intoTenant: string | undefined): PlannedFolder {
  const { id, encoding, pages, meta } = block;
  const tenant = intoTenant ?? block.tenant;
  return {
    ...walFolder(tree, { tenant, id, encoding }),
    tenant,
    id,
    kind: 'wal',
    files: pages.map(({ name, key, size, sha256 }) => ({ name, reference: { key, size, sha256 } })),
    meta,
    intoTenant,
  };
}
