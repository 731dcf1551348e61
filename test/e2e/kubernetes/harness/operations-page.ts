import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { record } from './records';

const PAGE = join(__dirname, '../../../../docs/operations.md');

/** The commands of the sections about recovery in a cluster, as docs/operations.md has them. */
export function documentedCommands(): string[] {
  const page = readFileSync(PAGE, 'utf8');
  const chosen = [section(page, '## Recovery in the cluster'), section(page, '### Restore from a volume snapshot')];
  return chosen.flatMap((text) => [
    ...[...text.matchAll(/^\$ (.*)$/gm)].map(([, line = '']) => line),
    ...[...text.matchAll(/^\|.*`(tempo-backup [^`]*)`/gm)].map(([, line = '']) => line),
  ]);
}

/** A command as the page has it, with its examples replaced by what is there; throws when the page has no such command. */
export function documented(line: string, examples: Readonly<Record<string, string>>): string {
  if (!documentedCommands().includes(line)) throw new Error(`docs/operations.md has no command '${line}'`);
  record('commands', { line });
  return Object.entries(examples).reduce((text, [example, value]) => text.replaceAll(example, value), line);
}

function section(page: string, heading: string): string {
  const from = page.indexOf(`\n${heading}\n`);
  if (from < 0) throw new Error(`docs/operations.md has no '${heading}'`);
  const level = heading.slice(0, heading.indexOf(' '));
  const rest = page.slice(from + heading.length + 2);
  const end = rest.search(new RegExp(`^#{2,${level.length}} `, 'm'));
  return end < 0 ? rest : rest.slice(0, end);
}
