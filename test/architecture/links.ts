import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { readSource, ROOT } from './source-files';

/** The relative links of a Markdown document that lead nowhere: to no file, or to no heading of one. */
export function brokenLinksOf(path: string, text = readSource(path)): string[] {
  const prose = text.replaceAll(/^( *)```[^]*?^\1```/gm, '').replaceAll(/`[^`\n]*`/g, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  return targets.filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(path, target));
}

function leadsSomewhere(from: string, target: string): boolean {
  const [file = '', heading] = target.split('#');
  const path = file === '' ? from : normalize(join(dirname(from), file));
  if (!existsSync(join(ROOT, path))) return false;
  return heading === undefined || !path.endsWith('.md') || headingsOf(readSource(path)).has(heading);
}

/** The anchors that GitHub gives to headings. */
function headingsOf(text: string): Set<string> {
  const titles = [...text.matchAll(/^#{1,6} (.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
