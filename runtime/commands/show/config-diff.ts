import { stringify } from 'yaml';
import type { ConfigFile, Manifest } from '../../../lib/contract/manifest';
import type { ConfigChange, ConfigDiff, DiffHunk } from '../../../lib/contract/results';
import { fetchObject } from '../../repository/fetch';
import type { Repository } from '../../repository/repository';
import { lineDiff } from '../../text/line-diff';

/** What changed in Tempo's configuration from one point to another. Secrets stay closed: only whether they changed is told. */
export async function configDiff(repository: Repository, from: Manifest, to: Manifest): Promise<ConfigDiff> {
  const [before, after] = [byName(from), byName(to)];
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const changes: ConfigChange[] = [];
  for (const name of names) {
    const [old, now] = [before.get(name), after.get(name)];
    if (old && now && isSame(old, now)) continue;
    changes.push({
      name,
      change: !old ? 'added' : !now ? 'removed' : 'changed',
      hunks: await hunksOf(repository, old, now),
    });
  }
  return { from: from.id, to: to.id, changes, unchanged: names.length - changes.length };
}

/** A point may have two files of one name, from two folders. */
function byName({ config }: Manifest): Map<string, ConfigFile> {
  const found = new Map<string, ConfigFile>();
  for (const file of config) {
    const nth = config.filter(({ name }) => name === file.name).indexOf(file);
    found.set(nth === 0 ? file.name : `${file.name} (${nth + 1})`, file);
  }
  return found;
}

/** A Secret is encrypted anew when its readers change: then the state that the API told of it says that it is the same. */
function isSame(old: ConfigFile, now: ConfigFile): boolean {
  if (old.sha256 === now.sha256) return true;
  const [before, after] = [old.encryption, now.encryption];
  return before !== undefined && before.uid === after?.uid && before.resourceVersion === after.resourceVersion;
}

async function hunksOf(
  repository: Repository,
  old: ConfigFile | undefined,
  now: ConfigFile | undefined,
): Promise<readonly DiffHunk[]> {
  if (old?.encryption ?? now?.encryption) return [];
  return lineDiff(await linesOf(repository, old), await linesOf(repository, now));
}

async function linesOf({ storage }: Repository, file: ConfigFile | undefined): Promise<string[]> {
  if (!file) return [];
  const bytes = Buffer.alloc(file.size);
  await fetchObject(storage, file, (offset, part) => Promise.resolve(void part.copy(bytes, offset)));
  const text = bytes.toString('utf8');
  // As YAML, the texts in a ConfigMap have lines of their own.
  const shown = file.object ? stringify(JSON.parse(text), { lineWidth: 0 }) : text;
  return shown.replace(/\n$/, '').split('\n');
}
