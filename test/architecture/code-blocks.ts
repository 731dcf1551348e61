import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, readSource, ROOT } from './source-files';

/** A fenced block of a Markdown document. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
  /** `README.md:12`: where its first line stands. */
  readonly where: string;
}

export const documents = (): string[] => [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].filter((name) => existsSync(join(ROOT, name))),
  ...filesBelow('docs', '.md').filter((path) => !path.startsWith('docs/api/')),
];

export function codeBlocksOf(path: string, text = readSource(path)): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { language: string; indent: number; first: number; lines: string[] } | undefined;
  text.split('\n').forEach((line, index) => {
    const fence = /^( *)```([a-z]*)/.exec(line);
    if (fence && !open) {
      open = { language: fence[2] ?? '', indent: fence[1]?.length ?? 0, first: index + 2, lines: [] };
    } else if (fence && open) {
      blocks.push({ language: open.language, text: open.lines.join('\n'), where: `${path}:${open.first}` });
      open = undefined;
    } else {
      open?.lines.push(line.slice(open.indent));
    }
  });
  return blocks;
}

/** The arguments of each `$ tempo-backup …` in a console block, as a shell would split them; what follows a pipe or `#` is no part of it. */
export function commandLinesOf(block: CodeBlock): string[][] {
  const joined = block.text.replaceAll(/\\\n\s*(> )?/g, ' ');
  return joined.split('\n').flatMap((line) => {
    const match = /^\$ (?:[A-Z_]+=\S+ )*(?:npx |node dist\/)?tempo-backup(?:\.js)?(?: (.*))?$/.exec(line);
    return match ? [wordsOf(match[1] ?? '')] : [];
  });
}

function wordsOf(line: string): string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  const end = words.findIndex((word) => /^(#|\||\|\||&&|>|>>|2>)/.test(word));
  return words.slice(0, end < 0 ? undefined : end).map((word) => word.replaceAll(/['"]/g, ''));
}
