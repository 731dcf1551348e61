import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Where a Tempo keeps its blocks and its WAL, and how the two lie to each other. */
export interface SourceFolders {
  readonly path: string;
  readonly walPath: string | undefined;
  /** The folder that holds both; what `restore --target` stands for. */
  readonly home: string;
  readonly tracesPath: string;
  readonly relativeWalPath: string | null;
}

/** 3.0 keeps an empty `wal` too, so its own place comes first. */
const USUAL_WAL_FOLDERS = ['live-store/traces', 'wal'] as const;

/** The folders of the configuration; a WAL folder that isn't named is looked for beside the blocks. */
export function sourceFolders(storage: {
  readonly path: string;
  readonly walPath?: string | undefined;
}): SourceFolders {
  const walPath = storage.walPath ?? usualWalFolder(dirname(storage.path));
  const home = walPath === undefined ? dirname(storage.path) : commonFolder(dirname(storage.path), dirname(walPath));
  return {
    path: storage.path,
    walPath,
    home,
    tracesPath: relative(home, storage.path),
    relativeWalPath: walPath === undefined ? null : relative(home, walPath),
  };
}

function usualWalFolder(home: string): string | undefined {
  return USUAL_WAL_FOLDERS.map((folder) => join(home, folder)).find((folder) => existsSync(folder));
}

function commonFolder(one: string, other: string): string {
  let folder = one;
  while (folder !== '/' && other !== folder && !other.startsWith(`${folder}/`)) folder = dirname(folder);
  return folder;
}
