// tempo-backup as a contender: the built bundle, run as its users run it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { awsEnvironment } from './peers.mjs';

const BUNDLE = fileURLToPath(new URL('../dist/tempo-backup.js', import.meta.url));
const SCHEDULE = { cron: '0 * * * *', timeZone: 'UTC' };
// Blocks of the prune case that are older than this vanish with a good reason.
export const RETENTION_HOURS = 336;
const SHORT_GRACE_SECONDS = 1;

export function tempoBackup(to, scratch, tree) {
  const config = (name, prune) => {
    const path = join(scratch, `tempo-backup-${to.kind}-${to.name}-${name}.yaml`);
    const storage = tree.storage ?? { backend: 'local', path: tree.traces, walPath: tree.wal };
    const rules = [{ name: 'bench', schedule: SCHEDULE, scope: 'data', deleteAfter: '1s' }];
    const document = {
      tempo: { storage, retention: `${RETENTION_HOURS}h` },
      repository: { url: to.url },
      // Verification is a case of its own, as it is with the others.
      plan: { rules, verification: { afterBackup: null }, prune: { ...prune, maxShare: 1 } },
    };
    writeFileSync(path, JSON.stringify(document, null, 2)); // JSON is YAML
    return path;
  };
  const usual = config('usual', { grace: '1d' });
  const impatient = config('impatient', { grace: `${SHORT_GRACE_SECONDS}s` });
  const command = (file, ...args) => [
    [process.execPath, [BUNDLE, ...args, '--config', file, '--output', 'json', '--log-level', 'error']],
  ];
  return {
    env: awsEnvironment(to.s3),
    init: () => [],
    backup: () => command(usual, 'backup', '--rule', 'bench'),
    restore: (target) => command(usual, 'restore', '--target', target, '--allow', 'retention', '--allow', 'owner'),
    restoredTo: (target) => join(target, 'traces'),
    verify: () => command(usual, 'verify', '--level', 'full'),
    prune: () => command(impatient, 'prune'),
    /** Between what was written and its being condemned, and between that and its deletion, the grace has to pass. */
    graceForPrune: () => sleep((2 * SHORT_GRACE_SECONDS + 0.5) * 1000),
  };
}

/** What the JSON result of a run says. `bytes`: what a backup sent, a restore wrote, a verification read. */
export function resultOf({ stdout }) {
  const result = JSON.parse(stdout);
  const { sent, written, read } = result.bytes;
  return { result, bytes: sent ?? written ?? read, requests: result.requests };
}
