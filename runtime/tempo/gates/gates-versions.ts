import type { GateInput } from './gate-input';

const READABLE: readonly { readonly from: readonly [number, number]; readonly formats: readonly string[] }[] = [
  { from: [3, 0], formats: ['vParquet3', 'vParquet4', 'vParquet5'] },
  { from: [2, 10], formats: ['v2', 'vParquet3', 'vParquet4', 'vParquet5'] },
  { from: [0, 0], formats: ['v2', 'vParquet2', 'vParquet3', 'vParquet4', 'vParquet5-preview2'] },
];

/** Block formats that a Tempo reads; undefined when its version isn't known. */
export function readableFormats(version: string | undefined): readonly string[] | undefined {
  if (version === undefined) return undefined;
  // Some 2.x: what every one of them reads.
  if (version === '2.x') return ['v2', 'vParquet3', 'vParquet4'];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return READABLE.find(({ from }) => major > from[0] || (major === from[0] && minor >= from[1]))?.formats;
}

/** One block of an unknown format makes every query of its tenant fail, and Tempo leaves a WAL of such a format where it is. */
export function blockVersionGate({ blocks, walBlocks, target }: GateInput): string | undefined {
  const formats = readableFormats(target.version);
  if (!formats) return undefined;
  const all = [...blocks, ...walBlocks.map(({ tenant, id, encoding }) => ({ tenant, id, format: encoding }))];
  const unreadable = all.filter(({ format }) => !formats.includes(format));
  const [first] = unreadable;
  if (!first) return undefined;
  const found = [...new Set(unreadable.map(({ format }) => format))].sort().join(', ');
  return (
    `Tempo ${target.version ?? ''} can't read ${unreadable.length} of ${all.length} blocks: they have format ${found}, it reads ${formats.join(', ')}; ` +
    `the first is '${first.id}' of tenant '${first.tenant}'; restore into a Tempo of the version that wrote them, give the right '--tempo-version'`
  );
}
