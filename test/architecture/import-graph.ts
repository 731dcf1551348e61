import { buildSync, type Metafile } from 'esbuild';
import { ROOT } from './source-files';

export type Imports = Metafile['inputs'];

/** What each file that `entries` reach imports, as esbuild resolves it: types are gone, only what runs is left. */
export function importsOf(entries: string[]): Imports {
  const { metafile } = buildSync({
    absWorkingDir: ROOT,
    entryPoints: entries,
    outdir: 'dist',
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
  });
  return metafile.inputs;
}

/** The first circle of imports found, as the files along it; undefined when there is none. */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}
