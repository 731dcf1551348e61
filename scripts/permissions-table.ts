import { STORAGE_ACTIONS, STORAGE_CALLERS, STORAGE_RIGHTS, type StorageRight } from '../lib/contract/storage-rights';
import { TEMPO_BUCKET_COMMANDS, TEMPO_BUCKET_RIGHTS } from '../lib/contract/tempo-bucket-rights';

const RIGHTS = ['list', 'get', 'put', 'endUpload', 'delete', 'readLock', 'extendLock'] as const;
export const BEGIN = '<!-- made by `npm run permissions` -->';
export const END = '<!-- end -->';

/** Which keys each command lists, gets, puts and deletes, which S3 actions that takes, and which it needs on Tempo's bucket, as Markdown. */
export function permissionsTables(): string {
  const commands = STORAGE_CALLERS.map((command) => [
    `\`${command}\``,
    ...RIGHTS.map((right) => named(STORAGE_RIGHTS[command][right])),
  ]);
  return [
    table(['command', ...RIGHTS], commands),
    '',
    table(['call', 'on objects', 'on the bucket'], RIGHTS.map(actionsOf)),
    '',
    "On Tempo's own bucket, below Tempo's prefix:",
    '',
    table(
      ['command', 'on objects', 'on the bucket'],
      TEMPO_BUCKET_COMMANDS.map((command) => {
        const { onObjects, onBucket } = TEMPO_BUCKET_RIGHTS[command];
        return [`\`${command}\``, ...[onObjects, onBucket].map(named)];
      }),
    ),
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
  return [`\`${right}\``, ...[onObjects, onBucket].map(named)];
}

function named(actions: readonly string[]): string {
  return actions.map((action) => `\`${action}\``).join(' ');
}

/** Columns of equal width, as Prettier writes them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
