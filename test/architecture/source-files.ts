import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

export const ROOT = resolve(__dirname, '../..');

/** Paths below `folder` that end in `ending`, relative to the project, sorted; none when there is no such folder. */
export function filesBelow(folder: string, ending: string): string[] {
  const top = join(ROOT, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
}

export const readSource = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const SOURCE_FOLDERS = ['lib', 'runtime', 'stacks', 'examples'];

export const sourceFiles = (): string[] => SOURCE_FOLDERS.flatMap((folder) => filesBelow(folder, '.ts'));
