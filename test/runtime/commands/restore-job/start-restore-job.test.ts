import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RestoreOptions } from '../../../../lib/contract/command-line/commands';
import { ExitCode } from '../../../../lib/contract/exit-codes';
import type { KubernetesRight } from '../../../../lib/contract/kubernetes-rights';
import { parseRunnerConfig, type RunnerConfigInput } from '../../../../lib/contract/runner-config';
import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import { argumentsOf } from '../../../../runtime/cluster/workload/jobs';
import { type StartContext, startRestoreJob } from '../../../../runtime/commands/restore-job/start-restore-job';
import { run } from '../../../../runtime/run';
import { terminationText } from '../../../../runtime/termination-message';
import { jobController, type JobOutcome } from '../../../helpers/cluster/controllers';
import { ClusterDouble } from '../../../helpers/cluster-double';
import { CRON_JOBS, NAMESPACE } from '../cluster-restore/cluster-objects';
import { fastPace } from '../cluster-restore/cluster-scene';
import { DEFAULTS, POINT } from '../restore/restore-scene';

/** What the constructs grant to whoever may start a restore. */
const STARTER: KubernetesRight[] = [
  { group: 'batch', resource: 'cronjobs', verbs: ['get'], names: ['tempo-restore'] },
  { group: 'batch', resource: 'jobs', verbs: ['create', 'get', 'list', 'watch'] },
  { group: '', resource: 'pods', verbs: ['get', 'list', 'watch'] },
  { group: '', resource: 'pods/log', verbs: ['get'] },
];
const CONFIG: RunnerConfigInput = {
  // Only the cluster can reach it.
  repository: { url: 's3://bucket/prefix?endpoint=http://minio.invalid:9000' },
  kubernetes: { namespace: NAMESPACE, workload: { kind: 'StatefulSet', name: 'tempo' } },
};
const RESULT = {
  recoveryPoint: POINT,
  blocks: { total: 3, restored: 3, skipped: 0, compacted: 0, failed: [] },
  seconds: { total: 3 },
};

let cluster: ClusterDouble;
let jobs: ClusterObject[];
const logged: string[] = [];

interface Script {
  readonly lines?: readonly string[];
  readonly end?: JobOutcome;
  readonly onStart?: () => void;
}

async function startCluster({ lines = [], end, onStart }: Script, cronJobs = CRON_JOBS): Promise<void> {
  jobs = [];
  cluster = await ClusterDouble.start({
    objects: cronJobs,
    rights: STARTER,
    controllers: [
      jobController((job) => {
        jobs.push(job);
        cluster.log(`${job.metadata.name}-x7z2p`, ...lines);
        onStart?.();
        return end ? Promise.resolve(end) : new Promise(() => undefined);
      }),
    ],
  });
}

function start(
  options: Partial<RestoreOptions> = {},
  signal = new AbortController().signal,
): ReturnType<typeof startRestoreJob> {
  const log = (message: string): void => void logged.push(message);
  const context: StartContext = {
    config: parseRunnerConfig(CONFIG),
    log: { debug: log, info: log, warn: log, error: log },
    cluster: () => Promise.resolve(cluster.api(signal)),
    signal,
  };
  return startRestoreJob(context, { ...DEFAULTS, inCluster: true, ...options }, fastPace());
}

beforeEach(() => void (logged.length = 0));
afterEach(() => cluster.stop());

const entry = (message: string): string => JSON.stringify({ time: '2026-11-23T09:00:00Z', level: 'info', message });

describe('a restore that is started from outside', () => {
  it('is a Job of the CronJob with the options that were given, and ends as the Job ends', async () => {
    await startCluster({
      lines: [entry('stop Tempo: begins'), entry('stop Tempo: 3 s'), JSON.stringify(RESULT)],
      end: { exitCode: 0, message: '' },
    });
    const outcome = await start({
      scope: 'full',
      recoveryPoint: POINT,
      allow: ['owner', 'retention'],
      config: '/home/me/x.yaml',
      repository: 'file:///x',
    });
    expect(outcome).toEqual({ result: RESULT, exitCode: 0 });
    expect(logged.slice(1)).toEqual(['stop Tempo: begins', 'stop Tempo: 3 s']);
    const [job] = jobs;
    expect(job && argumentsOf(job)).toEqual([
      'restore',
      `--recovery-point=${POINT}`,
      '--scope=full',
      '--coordinate',
      '--allow=owner',
      '--allow=retention',
      '--thaw-for=7d',
      '--output=json',
      '--log-format=json',
      '--log-level=info',
      '--config=/etc/tempo-backup/config.yaml',
    ]);
    expect(job).toMatchObject({
      metadata: {
        name: expect.stringMatching(/^tempo-restore-[0-9a-f]{8}$/),
        annotations: { 'cronjob.kubernetes.io/instantiate': 'manual' },
        ownerReferences: [{ kind: 'CronJob', name: 'tempo-restore', controller: true }],
      },
      spec: {
        backoffLimit: 2,
        template: { metadata: { labels: { runner: 'yes' } }, spec: { containers: [{ image: 'runner:1' }] } },
      },
    });
    expect(job?.spec).not.toHaveProperty('suspend');
  });

  it('passes a dry run through', async () => {
    await startCluster({ lines: [JSON.stringify(RESULT)], end: { exitCode: 15, message: '' } });
    expect((await start({ dryRun: true, clearWal: true, tenant: ['a'] })).exitCode).toBe(ExitCode.REFUSED);
    expect(jobs.flatMap(argumentsOf)).toEqual(expect.arrayContaining(['--dry-run', '--clear-wal', '--tenant=a']));
  });

  it('has its result from the last words of the container when the log is gone', async () => {
    const message = terminationText({ exitCode: 12, result: RESULT });
    await startCluster({ end: { exitCode: 12, message } });
    cluster.fault = ({ resource }) => (resource === 'pods/log' ? { status: 500 } : undefined);
    expect(await start()).toEqual({ result: RESULT, exitCode: 12 });
  });

  it('fails as the Job fails, with the option that lifts a guard', async () => {
    const error = { message: "restore 'x': it is of Tempo 'other'", exitCode: 15, lift: 'other-source', evidence: {} };
    await startCluster({ lines: [JSON.stringify({ error })], end: { exitCode: 15, message: '' } });
    await expect(start()).rejects.toMatchObject({ message: error.message, exitCode: 15, lift: 'other-source' });
  });

  it('says so when the Job ends without a word', async () => {
    await startCluster({ end: { exitCode: 137, message: '' } });
    await expect(start()).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(
        /ended without a result \(Error; the job has ended\); start the same restore again, it goes on/,
      ),
    });
  });

  it('goes on when nobody watches it any more, and tells how to watch it', async () => {
    const controller = new AbortController();
    await startCluster({ onStart: () => controller.abort(new Error('SIGINT')) });
    const error: unknown = await start({}, controller.signal).catch((thrown: unknown) => thrown);
    const name = jobs[0]?.metadata.name ?? '';
    expect(error).toMatchObject({
      exitCode: 143,
      message: `restore: stopped watching; Job '${name}' goes on in the cluster; watch it by 'kubectl -n monitoring logs --follow job/${name}'`,
    });
    expect(cluster.all('Job')).toHaveLength(1);
  });

  it('needs the CronJob', async () => {
    await startCluster({}, []);
    await expect(start()).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining("there is no CronJob 'tempo-restore' in namespace 'monitoring'"),
    });
  });

  it('needs the right to create Jobs, and says which', async () => {
    await startCluster({});
    cluster.rights = STARTER.filter(({ resource }) => resource !== 'jobs');
    await expect(start()).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining("may not 'create' 'jobs'"),
    });
  });
});

describe('the program', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tempo-backup-start-'));
    writeFileSync(join(folder, 'config.yaml'), JSON.stringify(CONFIG));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function type(...argv: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const written = { stdout: '', stderr: '' };
    const sink = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (written[name] += text) });
    const exitCode = await run([...argv, '--config', join(folder, 'config.yaml')], {
      stdout: sink('stdout'),
      stderr: sink('stderr'),
      onSignal: () => undefined,
      openCluster: ({ signal }) => Promise.resolve(cluster.api(signal)),
    });
    return { exitCode, ...written };
  }

  it('starts the restore without opening the repository, and prints the result of the Job', async () => {
    await startCluster({ lines: [entry('hello'), JSON.stringify(RESULT)], end: { exitCode: 12, message: '' } });
    const { exitCode, stdout, stderr } = await type(
      'restore',
      '--in-cluster',
      '--output',
      'json',
      '--log-format',
      'text',
    );
    expect(exitCode).toBe(12);
    expect(JSON.parse(stdout)).toEqual(RESULT);
    expect(stderr).toContain('hello\n');
  });

  it.each(['full', 'config'])('refuses scope %s where there is no cluster', async (scope) => {
    writeFileSync(join(folder, 'config.yaml'), JSON.stringify({ repository: { url: `file://${folder}/repository` } }));
    await startCluster({});
    const { exitCode, stderr } = await type('restore', '--in-cluster', '--scope', scope, '--log-format', 'text');
    expect(exitCode).toBe(2);
    expect(stderr).toContain(
      "'--in-cluster' is for a Tempo in a cluster, and the configuration names no objects of it; add 'kubernetes'",
    );
  });
});
