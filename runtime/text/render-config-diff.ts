import type { ConfigChange, ConfigDiff } from '../../lib/contract/results';
import { counted } from './table';

/** As `diff -u` shows it. */
export function renderConfigDiff({ from, to, changes, unchanged }: ConfigDiff): string {
  const total = `${counted(changes.length, 'part')} of the configuration changed from ${from} to ${to}, ${unchanged} unchanged`;
  return [...changes.flatMap((change) => renderChange(change, { from, to })), total].map(printable).join('\n');
}

function renderChange({ name, change, hunks }: ConfigChange, points: { from: string; to: string }): string[] {
  if (hunks.length === 0) return [`${name}: ${change}`];
  const shown = hunks.flatMap(({ fromLine, toLine, lines }) => {
    const count = (mark: string): number => lines.filter((line) => !line.startsWith(mark)).length;
    return [`@@ -${fromLine},${count('+')} +${toLine},${count('-')} @@`, ...lines];
  });
  return [`--- ${name}  ${points.from}`, `+++ ${name}  ${points.to}`, ...shown];
}

/** What is in a repository may be meant for a terminal that obeys. */
function printable(line: string): string {
  return line.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, '\ufffd');
}
