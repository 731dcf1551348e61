// tempo-backup as a contender: the built bundle, run as its users run it.
import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { awsEnvironment } from './peers.mjs';
import { filesBelow } from './scratch.mjs';

const BUNDLE = fileURLToPath(new URL('../dist/tempo-backup.js', import.meta.url));
const SCHEDULE = { cron: '0 * * * *', timeZone: 'UTC' };
// Blocks of the prune case that are older than this vanish with a good reason.
export const RETENTION_HOURS = 336;
const GRACE_DAYS = 1;

export function tempoBackup(to, scratch, tree) {
  const config = () => {
    const path = join(scratch, `tempo-backup-${to.kind}-${to.name}.yaml`);
    const storage = tree.storage ?? { backend: 'local', path: tree.traces, walPath: tree.wal };
    const rule = { schedule: SCHEDULE, scope: 'data' };
    // The first pass of the grace leaves what is kept, the second one doesn't.
    const rules = [
      { ...rule, name: 'bench', deleteAfter: '1s' },
      { ...rule, name: 'kept', deleteAfter: `${3 * GRACE_DAYS}d` },
    ];
    const document = {
      tempo: { storage, retention: `${RETENTION_HOURS}h` },
      repository: { url: to.url },
      // Verification is a case of its own, as it is with the others.
      plan: { rules, verification: { afterBackup: null }, prune: { grace: `${GRACE_DAYS}d`, maxShare: 1 } },
    };
    writeFileSync(path, JSON.stringify(document, null, 2)); // JSON is YAML
    return path;
  };
  const file = config();
  const command = (...args) => [
    [process.execPath, [BUNDLE, ...args, '--config', file, '--output', 'json', '--log-level', 'error']],
  ];
  return {
    env: awsEnvironment(to.s3),
    init: () => [],
    backup: (_tree, rule = 'bench') => command('backup', '--rule', rule),
    restore: (target) => command('restore', '--target', target, '--allow', 'retention', '--allow', 'owner'),
    restoredTo: (target) => join(target, 'traces'),
    verify: () => command('verify', '--level', 'full'),
    prune: () => command('prune'),
    /** Between what was written and its being condemned, and between that and its deletion, the grace has to pass: everything gets older. */
    letGracePass: () => filesBelow(to.path).forEach(makeOlder),
  };
}

function makeOlder(path) {
  const time = statSync(path).mtimeMs / 1000 - 2.1 * GRACE_DAYS * 86_400;
  utimesSync(path, time, time);
}

/** What the JSON result of a run says. `bytes`: what a backup sent, a restore wrote, a verification read. */
export function resultOf({ stdout }) {
  const result = JSON.parse(stdout);
  const { sent, written, read } = result.bytes;
  return { result, bytes: sent ?? written ?? read, requests: result.requests };
}
