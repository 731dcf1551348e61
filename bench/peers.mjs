// Other programs that copy or back up a folder, each in the way its users would run it when they want it fast.
// A contender makes lists of commands ([program, arguments]); what the runs of one list take is added up.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './measure.mjs';

const PASSWORD = 'bench';

/** Paths of the peers that are on PATH or named by RCLONE, RESTIC, KOPIA, MC (or TEST_MC). */
export function findPeers(env = process.env) {
  const named = { rclone: env.RCLONE, restic: env.RESTIC, kopia: env.KOPIA, mc: env.MC ?? env.TEST_MC };
  const entries = Object.entries(named).map(([name, path]) => [name, path ?? onPath(name, env.PATH ?? '')]);
  return Object.fromEntries(entries.filter(([, path]) => path !== undefined));
}

function onPath(name, path) {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((candidate) => {
      try {
        accessSync(candidate, constants.X_OK);
        return true;
      } catch {
        return false; // not here: the next folder
      }
    });
}

function rclone(program, to, scratch) {
  const remote = to.kind === 'disk' ? to.path : `bench:${to.bucket}/${to.prefix}`;
  const parts = to.kind === 'disk' ? [] : ['--s3-upload-concurrency', '8', '--s3-chunk-size', '8M'];
  const flags = ['--fast-list', '--size-only', '--transfers', '16', ...parts];
  const remoteEnv = to.s3 && {
    RCLONE_CONFIG_BENCH_TYPE: 's3',
    RCLONE_CONFIG_BENCH_PROVIDER: 'Minio',
    RCLONE_CONFIG_BENCH_ENDPOINT: to.s3.endpoint,
    RCLONE_CONFIG_BENCH_REGION: to.s3.region,
    RCLONE_CONFIG_BENCH_ACCESS_KEY_ID: to.s3.accessKey,
    RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY: to.s3.secretKey,
  };
  return {
    // Older releases refuse to start with a CA bundle of the AWS kind, which plain HTTP doesn't need.
    env: { RCLONE_CONFIG: join(scratch, 'rclone.conf'), AWS_CA_BUNDLE: '', ...remoteEnv },
    init: () => [],
    backup: (tree) => [[program, ['copy', tree.traces, remote, ...flags]]],
    /** From a bucket of the same server, which copies by itself. */
    mirror: (from) => [[program, ['sync', `bench:${from.bucket}/${from.prefix}`, remote, ...flags]]],
    restore: (target) => [[program, ['copy', remote, target, ...flags]]],
    verify: (tree) => [[program, ['check', tree.traces, remote, '--download', '--fast-list', '--checkers', '16']]],
    // What a verification without the originals does: read every byte and hash it.
    hash: () => [[program, ['hashsum', 'SHA256', remote, '--download', '--fast-list', '--checkers', '16']]],
  };
}

function restic(program, to, scratch) {
  const repository = to.kind === 'disk' ? to.path : `s3:${to.s3.endpoint}/${to.bucket}/${to.prefix}`;
  const command = (...args) => [[program, ['--quiet', '--repo', repository, ...args]]];
  return {
    env: { RESTIC_PASSWORD: PASSWORD, RESTIC_CACHE_DIR: join(scratch, `restic-${to.kind}`), ...awsEnvironment(to.s3) },
    init: () => command('init'),
    backup: (tree) => command('backup', tree.traces),
    restore: (target) => command('restore', 'latest', '--target', target),
    verify: () => command('check', '--read-data'),
    // A killed run leaves a lock behind.
    recover: () => command('unlock'),
    prune: () => command('forget', '--keep-last', '1', '--prune'),
  };
}

function kopia(program, to, scratch) {
  const config = join(scratch, `kopia-${to.kind}-${to.name}.json`);
  const env = {
    KOPIA_PASSWORD: PASSWORD,
    KOPIA_CHECK_FOR_UPDATES: 'false',
    KOPIA_CACHE_DIRECTORY: join(scratch, `kopia-cache-${to.kind}-${to.name}`),
    KOPIA_LOG_DIR: join(scratch, 'kopia-logs'),
  };
  const command = (...args) => [[program, ['--config-file', config, '--no-progress', ...args]]];
  const place = to.kind === 'disk' ? ['filesystem', '--path', to.path] : ['s3', ...kopiaBucket(to)];
  const snapshots = async () => {
    const [[, args]] = command('snapshot', 'list', '--all', '--json');
    const found = JSON.parse((await run(program, args, { env })).stdout);
    return found.sort((a, b) => a.startTime.localeCompare(b.startTime)).map(({ id }) => id);
  };
  return {
    env,
    init: () => command('repository', 'create', ...place),
    backup: (tree) => command('snapshot', 'create', tree.traces),
    restore: async (target) => command('snapshot', 'restore', (await snapshots()).at(-1), target),
    verify: () => command('snapshot', 'verify', '--verify-files-percent=100'),
    prune: async () => [
      ...command('snapshot', 'delete', (await snapshots())[0], '--delete'),
      ...command('maintenance', 'run', '--full', '--safety', 'none'),
    ],
  };
}

function kopiaBucket({ s3, bucket, prefix }) {
  const { host, protocol } = new URL(s3.endpoint);
  const plain = protocol === 'http:' ? ['--disable-tls'] : [];
  const keys = ['--access-key', s3.accessKey, '--secret-access-key', s3.secretKey];
  return ['--bucket', bucket, '--prefix', `${prefix}/`, '--endpoint', host, '--region', s3.region, ...plain, ...keys];
}

/** Copies to and from buckets only. */
function mc(program, to, scratch) {
  if (to.kind === 'disk') return undefined;
  const { protocol, host } = new URL(to.s3.endpoint);
  const remote = `bench/${to.bucket}/${to.prefix}`;
  return {
    env: {
      MC_CONFIG_DIR: join(scratch, 'mc'),
      MC_HOST_bench: `${protocol}//${encodeURIComponent(to.s3.accessKey)}:${encodeURIComponent(to.s3.secretKey)}@${host}`,
    },
    init: () => [],
    backup: (tree) => [[program, ['mirror', '--quiet', tree.traces, remote]]],
    mirror: (from) => [[program, ['mirror', '--quiet', `bench/${from.bucket}/${from.prefix}`, remote]]],
    restore: (target) => [[program, ['mirror', '--quiet', remote, target]]],
  };
}

export function awsEnvironment(s3) {
  return s3 ? { AWS_ACCESS_KEY_ID: s3.accessKey, AWS_SECRET_ACCESS_KEY: s3.secretKey, AWS_REGION: s3.region } : {};
}

export const peers = { rclone, restic, kopia, mc };
