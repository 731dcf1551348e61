import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateBucketCommand, DeleteObjectCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { ExitCode } from '../../lib/contract/exit-codes';
import { useAwsEnvironment } from '../helpers/aws-environment';
import { Workplace } from '../helpers/command-runner';
import { makeBlock } from '../helpers/tempo-tree';

const runFile = promisify(execFile);
const {
  TEST_MC,
  TEST_S3_ENDPOINT,
  TEST_S3_REPLICA_ENDPOINT,
  TEST_S3_ACCESS_KEY = '',
  TEST_S3_SECRET_KEY = '',
} = process.env;
const isReady = TEST_S3_ENDPOINT !== undefined && TEST_S3_REPLICA_ENDPOINT !== undefined;
if (!isReady)
  process.stderr.write(
    'skipped: TEST_S3_ENDPOINT or TEST_S3_REPLICA_ENDPOINT is not set, so there is no second site\n',
  );

(isReady ? describe : describe.skip)('a replica on another server', () => {
  const bucket = `replica-${randomBytes(6).toString('hex')}`;
  const urlOf = (endpoint = ''): string =>
    `s3://${bucket}/prod?${new URLSearchParams({ endpoint, region: 'us-east-1' }).toString()}`;
  const [here, there] = [urlOf(TEST_S3_ENDPOINT), urlOf(TEST_S3_REPLICA_ENDPOINT)];
  const clients = new Map<string, S3Client>();
  let workplace: Workplace;
  let restoreEnvironment: () => void;

  beforeAll(async () => {
    restoreEnvironment = useAwsEnvironment({
      AWS_ACCESS_KEY_ID: TEST_S3_ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: TEST_S3_SECRET_KEY,
    });
    for (const endpoint of [TEST_S3_ENDPOINT ?? '', TEST_S3_REPLICA_ENDPOINT ?? '']) {
      const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
      clients.set(endpoint, client);
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
    }
    workplace = await Workplace.withFixture('tempo-2.9');
  });

  afterAll(async () => {
    for (const client of clients.values()) client.destroy();
    await workplace.remove();
    restoreEnvironment();
  });

  const run = (command: 'backup' | 'replicate' | 'verify', ...args: string[]) =>
    workplace.run(command, '--repository', here, ...args);

  it('is compared object by object: behind, whole, incomplete, whole again', async () => {
    await run('backup');
    expect((await workplace.run('verify', '--repository', here, '--replica', there)).exitCode).toBe(
      ExitCode.REPOSITORY_MISSING,
    );
    await run('replicate', '--to', there);
    const whole = await workplace.run('verify', '--repository', here, '--replica', there);
    expect(whole).toMatchObject({
      exitCode: ExitCode.DONE,
      result: { replica: { points: { whole: 1, missing: [] } } },
    });
    const block = makeBlock(workplace.traces, 'team-a');
    await run('backup');
    const behind = await workplace.run('verify', '--repository', here, '--replica', there);
    expect(behind.result.replica).toMatchObject({
      points: { whole: 1, missing: [behind.result.replica?.newestHere] },
      missing: { objects: 5 },
    });
    await run('replicate', '--to', there);
    const key = `blocks/team-a/${block.id}/meta.json`;
    const client = clients.get(TEST_S3_REPLICA_ENDPOINT ?? '');
    await client?.send(new DeleteObjectCommand({ Bucket: bucket, Key: `prod/${key}` }));
    const late = await workplace.run('verify', '--repository', here, '--replica', there, '--max-lag', '1ms');
    expect(late.exitCode).toBe(ExitCode.OBJECTIVE_MISSED);
    expect(late.result.replica).toMatchObject({
      points: { whole: 1, incomplete: [{ objects: 1 }] },
      missing: { keys: [key] },
    });
  }, 60_000);

  // The server's own replication, as a bucket on AWS has it.
  (TEST_MC === undefined ? it.skip : it)(
    'catches up by the replication of the server',
    async () => {
      const name = `${bucket}-own`;
      for (const client of clients.values()) {
        await client.send(new CreateBucketCommand({ Bucket: name }));
        const VersioningConfiguration = { Status: 'Enabled' } as const;
        await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
      }
      const site = new URL(TEST_S3_ENDPOINT ?? '');
      const other = new URL(TEST_S3_REPLICA_ENDPOINT ?? '');
      for (const url of [site, other]) [url.username, url.password] = [TEST_S3_ACCESS_KEY, TEST_S3_SECRET_KEY];
      const MC_CONFIG_DIR = await mkdtemp(join(tmpdir(), 'replica-mc-'));
      const env = { ...process.env, MC_CONFIG_DIR, MC_HOST_replicasite: site.href.replace(/\/$/, '') };
      const add = ['replicate', 'add', `replicasite/${name}`, '--remote-bucket', `${other.href}${name}`];
      await runFile(TEST_MC ?? '', [...add, '--replicate', 'existing-objects'], { env });
      const urls = [here, there].map((url) => url.replace(bucket, name));
      await workplace.run('backup', '--repository', urls[0] ?? '');
      for (let left = 60; left > 0; left--) {
        const compared = await workplace.run('verify', '--repository', urls[0] ?? '', '--replica', urls[1] ?? '');
        // It may not have been there at all yet.
        if (compared.exitCode === ExitCode.DONE && compared.result.replica?.points.whole === 1) break;
        expect([ExitCode.DONE, ExitCode.REPOSITORY_MISSING]).toContain(compared.exitCode);
        expect(left).toBeGreaterThan(1);
        await sleep(500);
      }
      await rm(MC_CONFIG_DIR, { recursive: true });
    },
    90_000,
  );
});
