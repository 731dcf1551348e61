import { STORAGE_ACTIONS, STORAGE_COMMANDS, STORAGE_RIGHTS, type StorageRight } from '../lib/contract/storage-rights';

const RIGHTS = ['list', 'get', 'put', 'delete'] as const;
export const BEGIN = '<!-- made by `npm run permissions` -->';
export const END = '<!-- end -->';

/** Which keys each command lists, gets, puts and deletes, and which S3 actions that takes, as Markdown. */
export function permissionsTables(): string {
  const keys = (patterns: readonly string[]): string => patterns.map((pattern) => `\`${pattern}\``).join(' ');
  const commands = STORAGE_COMMANDS.map((command) => [
    `\`${command}\``,
    ...RIGHTS.map((right) => keys(STORAGE_RIGHTS[command][right])),
  ]);
  return [
    table(['command', ...RIGHTS], commands),
    '',
    table(['call', 'on objects', 'on the bucket'], RIGHTS.map(actionsOf)),
  ].join('\n');
}

/** The page with its generated part made anew. */
export function withPermissions(page: string): string {
  const [before = '', rest = ''] = page.split(BEGIN);
  const [, after = ''] = rest.split(END);
  return `${before}${BEGIN}\n\n${permissionsTables()}\n\n${END}${after}`;
}

function actionsOf(right: StorageRight): string[] {
  const { onObjects, onBucket } = STORAGE_ACTIONS[right];
  return [right, ...[onObjects, onBucket].map((actions) => actions.map((action) => `\`${action}\``).join(' '))];
}

/** Columns of equal width, as Prettier writes them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
