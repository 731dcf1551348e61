import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { parse, stringify } from 'yaml';
import { ExitCode } from '../../lib/contract/exit-codes';
import { useAwsEnvironment } from '../helpers/aws-environment';
import { Workplace } from '../helpers/command-runner';
import { type PushedTrace, RealTempo } from '../helpers/real-tempo';
import { MinioUsers } from './rights/minio-users';

const { TEMPO_BIN, TEST_MC, TEST_S3_ENDPOINT, TEST_S3_ACCESS_KEY = '', TEST_S3_SECRET_KEY = '' } = process.env;
const absent = ['TEMPO_BIN', 'TEST_MC', 'TEST_S3_ENDPOINT'].filter((name) => !process.env[name]);
if (absent.length > 0) process.stderr.write(`skipped: no standby Tempo is tried, as ${absent.join(', ')} is not set\n`);

const ORIGINAL_PORTS = 160;
const STANDBY_PORTS = 180;

interface StandbyConfiguration {
  readonly server: object;
  readonly storage: { readonly trace: { readonly s3: object } };
}

(absent.length === 0 ? describe : describe.skip)('a standby Tempo, as the documentation has it', () => {
  const bucket = `standby-${randomBytes(6).toString('hex')}`;
  const endpoint = TEST_S3_ENDPOINT ?? '';
  const root = { accessKeyId: TEST_S3_ACCESS_KEY, secretAccessKey: TEST_S3_SECRET_KEY };
  const running: RealTempo[] = [];
  let client: S3Client;
  let users: MinioUsers;
  let folder: string;
  let restoreEnvironment: () => void;

  beforeAll(async () => {
    restoreEnvironment = useAwsEnvironment({
      AWS_ACCESS_KEY_ID: root.accessKeyId,
      AWS_SECRET_ACCESS_KEY: root.secretAccessKey,
    });
    client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    users = await MinioUsers.on({ mc: TEST_MC ?? '', endpoint, root });
    folder = await mkdtemp(join(tmpdir(), 'standby-'));
  });

  afterAll(async () => {
    for (const tempo of running) await tempo.kill();
    await users.remove();
    client.destroy();
    await rm(folder, { recursive: true, force: true });
    restoreEnvironment();
  });

  /** What stands in the documentation between such lines, with the names of this test. */
  async function documented(language: string, beginning: string): Promise<string> {
    const page = await readFile(join(__dirname, '../../docs/operations.md'), 'utf8');
    const section = page.slice(page.indexOf('## A standby Tempo'));
    const start = section.indexOf(`\`\`\`${language}\n${beginning}`);
    expect(start).toBeGreaterThan(0);
    const text = section.slice(section.indexOf('\n', start) + 1);
    return text.slice(0, text.indexOf('```')).replaceAll('acme-backups', bucket);
  }

  async function standby(): Promise<RealTempo> {
    const { accessKeyId, secretAccessKey } = await users.add('standby', await documented('json', '{'));
    const { server, storage, ...rest } = parse(await documented('yaml', '# standby.yaml')) as StandbyConfiguration;
    // All that is this server's and this machine's.
    const address = { endpoint: new URL(endpoint).host, insecure: true, forcepathstyle: true, region: 'us-east-1' };
    const s3 = { ...storage.trace.s3, ...address, access_key: accessKeyId, secret_key: secretAccessKey };
    const trace = { ...storage.trace, s3, wal: { path: join(folder, 'standby', 'wal') }, blocklist_poll: '2s' };
    const loopback = '127.0.0.1';
    const ports = { http_listen_port: 13210 + STANDBY_PORTS, grpc_listen_port: 19105 + STANDBY_PORTS };
    const yaml = stringify({
      ...rest,
      server: { ...server, http_listen_address: loopback, grpc_listen_address: loopback, ...ports },
      memberlist: { bind_addr: [loopback], bind_port: 17956 + STANDBY_PORTS },
      ingester: { lifecycler: { address: loopback, min_ready_duration: '1s' } },
      storage: { trace },
    });
    return started(
      new RealTempo(TEMPO_BIN ?? '', '2.9', join(folder, 'standby', 'home'), { yaml, portOffset: STANDBY_PORTS }),
    );
  }

  async function started(tempo: RealTempo): Promise<RealTempo> {
    running.push(tempo);
    await tempo.start();
    return tempo;
  }

  async function objects(): Promise<string[]> {
    const { Contents = [], IsTruncated } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
    expect(IsTruncated).toBe(false);
    return Contents.map(({ Key = '', ETag = '' }) => `${Key} ${ETag}`);
  }

  it('answers for every trace of a backup, and changes nothing', async () => {
    const workplace = await Workplace.withFixture('tempo-2.9');
    const home = workplace.volume;
    const tempo = await started(new RealTempo(TEMPO_BIN ?? '', '2.9', home, { portOffset: ORIGINAL_PORTS }));
    const pushed: PushedTrace[] = [];
    for (let n = 0; n < 30; n++) pushed.push(await tempo.push(n % 3 === 0 ? 'team-b' : 'team-a'));
    await tempo.flush();
    await sleep(8000);
    const url = `s3://${bucket}/prod?${new URLSearchParams({ endpoint, region: 'us-east-1' }).toString()}`;
    const backup = await workplace.run('backup', '--repository', url);
    expect(backup).toMatchObject({ exitCode: ExitCode.DONE });
    await tempo.kill();
    await workplace.remove();
    const before = await objects();
    const served = await standby();
    for (const trace of pushed) await served.until(`answering for ${trace.traceId}`, () => served.has(trace), 30_000);
    expect(await served.has({ tenant: 'team-a', traceId: randomBytes(16).toString('hex') })).toBe(false);
    await sleep(5000);
    expect(await objects()).toEqual(before);
    // What it polls is all that the point has.
    const metrics = await served.metrics();
    for (const { tenant, blocks } of backup.result.recoveryPoint.tenants)
      expect(metrics).toMatch(new RegExp(`tempodb_blocklist_length\\{tenant="${tenant}"\\} ${blocks}\\b`));
  }, 120_000);
});
