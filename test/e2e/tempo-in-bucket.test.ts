import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { CommandName } from '../../lib/contract/command-line/commands';
import type {
  BackupResult,
  ReplicateResult,
  RestoreResult,
  RewindResult,
  VerifyResult,
} from '../../lib/contract/results';
import { openS3Versions } from '../../runtime/storage/s3';
import { run } from '../../runtime/run';
import { useAwsEnvironment } from '../helpers/aws-environment';
import { type PushedTrace, RealTempo } from '../helpers/real-tempo';

const { TEMPO_BIN, TEST_S3_ENDPOINT, TEST_S3_ACCESS_KEY = '', TEST_S3_SECRET_KEY = '' } = process.env;
const endpoint = TEST_S3_ENDPOINT ?? '';
const isReady = TEMPO_BIN !== undefined && TEST_S3_ENDPOINT !== undefined;

if (!isReady)
  process.stderr.write('skipped: TEMPO_BIN or TEST_S3_ENDPOINT is not set, so no Tempo works in a bucket\n');

(isReady ? describe : describe.skip)('a real Tempo whose blocks lie in a bucket', () => {
  const suffix = randomBytes(4).toString('hex');
  const bucket = `tempo-traces-${suffix}`;
  const backups = `tempo-backups-${suffix}`;
  let folder: string;
  let client: S3Client;
  let restoreEnvironment: () => void;
  const running: RealTempo[] = [];

  beforeAll(async () => {
    restoreEnvironment = useAwsEnvironment({
      AWS_ACCESS_KEY_ID: TEST_S3_ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: TEST_S3_SECRET_KEY,
    });
    client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    folder = await mkdtemp(join(tmpdir(), 'tempo-in-bucket-'));
    for (const Bucket of [bucket, backups]) await client.send(new CreateBucketCommand({ Bucket }));
    await client.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    const storage = `{ backend: s3, bucket: ${bucket}, prefix: prod, endpoint: "${endpoint}" }`;
    await writeFile(
      join(folder, 'tempo-backup.yaml'),
      `tempo: { storage: ${storage} }\nrepository: { url: "s3://${backups}/prod?endpoint=${endpoint}" }\n`,
    );
  });

  afterAll(async () => {
    for (const tempo of running) await tempo.kill();
    client.destroy();
    await rm(folder, { recursive: true, force: true });
    restoreEnvironment();
  });

  async function start(name: string): Promise<RealTempo> {
    const { host } = new URL(endpoint);
    const s3 = `{bucket: ${bucket}, prefix: prod, endpoint: "${host}", insecure: true, access_key: ${TEST_S3_ACCESS_KEY}, secret_key: "${TEST_S3_SECRET_KEY}", forcepathstyle: true, region: us-east-1}`;
    const options = { backend: `backend: s3, s3: ${s3}`, portOffset: 40 };
    const tempo = new RealTempo(TEMPO_BIN ?? '', '2.9', join(folder, name, 'home'), options);
    running.push(tempo);
    await tempo.start();
    return tempo;
  }

  async function command<T>(name: CommandName, ...args: string[]): Promise<T> {
    const written = { stdout: '', stderr: '' };
    const sink = (stream: 'stdout' | 'stderr') => ({ write: (text: string) => (written[stream] += text) });
    const argv = [name, '--config', join(folder, 'tempo-backup.yaml'), '--output', 'json', ...args];
    const exitCode = await run(argv, { stdout: sink('stdout'), stderr: sink('stderr'), onSignal: () => undefined });
    if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}: ${written.stdout} ${written.stderr}`);
    return JSON.parse(written.stdout) as T;
  }

  async function loseEverything(): Promise<void> {
    for (;;) {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      if (Contents.length === 0) return;
      for (const { Key } of Contents) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    }
  }

  /** Blocks that Tempo counts as live: those it has marked as compacted have another meta beside. */
  async function liveBlocks(): Promise<Set<string>> {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
    const keys = Contents.flatMap(({ Key }) => Key ?? []);
    const having = (name: string): string[] => keys.filter((key) => key.endsWith(`/${name}`)).map(idOf);
    const compacted = new Set(having('meta.compacted.json'));
    return new Set(having('meta.json').filter((id) => !compacted.has(id)));
  }

  async function versions(): Promise<Set<string>> {
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    return new Set(Versions.flatMap(({ VersionId }) => VersionId ?? []));
  }

  async function expectAll(tempo: RealTempo, pushed: readonly PushedTrace[]): Promise<void> {
    for (const trace of pushed) await tempo.until(`answering for ${trace.traceId}`, () => tempo.has(trace), 20_000);
  }

  it('is backed up while it works, lost, restored, lost again, rewound, and replicated', async () => {
    const tempo = await start('original');
    const pushed: PushedTrace[] = [];
    const made: BackupResult[] = [];
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 10; i++) pushed.push(await tempo.push(i % 3 === 0 ? 'team-b' : 'team-a'));
      await sleep(2000);
      // Tempo may not have flushed anything yet.
      if (round > 1) made.push(await command<BackupResult>('backup', '--allow', 'empty-source'));
    }
    await tempo.flush();
    await sleep(6000);
    made.push(await command<BackupResult>('backup'));
    await tempo.kill();
    expect(made.flatMap(({ blocks }) => blocks.damaged)).toEqual([]);
    expect(made.map(({ bytes }) => bytes.copied).reduce((a, b) => a + b)).toBeGreaterThan(10_000);
    const verified = await command<VerifyResult>('verify', '--recovery-point', 'all', '--level', 'content');
    expect(verified.problems).toEqual([]);

    // Tempo may have compacted since the backup: what comes back is of this moment.
    const live = await liveBlocks();
    const before = new Date();
    await sleep(1100);
    await loseEverything();
    const restored = await command<RestoreResult>('restore');
    expect(restored.blocks).toMatchObject({ failed: [], skipped: 0 });
    const second = await start('restored');
    await expectAll(second, pushed);
    await second.kill();

    await loseEverything();
    const known = await versions();
    const rewound = await command<RewindResult>('rewind', '--to', before.toISOString(), '--allow', 'tempo-running');
    expect(rewound).toMatchObject({ lost: [], vanish: [] });
    expect(new Set(rewound.comeBack.map(({ id }) => id))).toEqual(live);
    const after = await versions();
    expect([...known].filter((id) => !after.has(id))).toEqual([]);
    const third = await start('rewound');
    await expectAll(third, pushed);
    await third.kill();

    const copy = `file://${folder}/copy`;
    const replicated = await command<ReplicateResult>('replicate', '--to', copy);
    expect(replicated.points.copied).toHaveLength(made.length);
    const proven = await command<VerifyResult>(
      'verify',
      '--recovery-point',
      'all',
      '--level',
      'content',
      '--repository',
      copy,
    );
    expect(proven.problems).toEqual([]);
  }, 240_000);

  it('keeps versions that are copied in parts, where one copy would be too large', async () => {
    const url = `s3://${bucket}/parts?endpoint=${endpoint}`;
    const versioned = openS3Versions(url, { largestCopy: 1024 });
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    const put = (Body: string) => client.send(new PutObjectCommand({ Bucket: bucket, Key: 'parts/key', Body }));
    await put('first '.repeat(1000));
    await put('second');
    const found = [];
    for await (const version of versioned.versions('')) found.push(version);
    const first = found.find(({ isLatest }) => !isLatest);
    if (!first) throw new Error('no earlier version');
    await versioned.bringBack(first);
    expect(await versioned.isBack(first)).toBe(true);
    await versioned.close();
  }, 60_000);
});

/** `<prefix>/<tenant>/<block ID>/<file>` */
function idOf(key: string): string {
  return key.split('/').at(-2) ?? '';
}
