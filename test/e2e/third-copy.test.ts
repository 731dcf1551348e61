import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { ExitCode } from '../../lib/contract/exit-codes';
import { useAwsEnvironment } from '../helpers/aws-environment';
import { Workplace } from '../helpers/command-runner';
import { makeBlock } from '../helpers/tempo-tree';

const { TEST_S3_ENDPOINT = '', TEST_S3_ACCESS_KEY = '', TEST_S3_SECRET_KEY = '' } = process.env;
const { TEST_AWS_ENDPOINT = '', TEST_AWS_ACCESS_KEY = '', TEST_AWS_SECRET_KEY = '' } = process.env;
const absent = ['TEST_S3_ENDPOINT', 'TEST_AWS_ENDPOINT'].filter((name) => !process.env[name]);
if (absent.length > 0)
  process.stderr.write(`skipped: no copy at another provider, as ${absent.join(', ')} is not set\n`);

interface Provider {
  readonly profile: string;
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const HERE = { endpoint: TEST_S3_ENDPOINT, accessKeyId: TEST_S3_ACCESS_KEY, secretAccessKey: TEST_S3_SECRET_KEY };
const THERE = { endpoint: TEST_AWS_ENDPOINT, accessKeyId: TEST_AWS_ACCESS_KEY, secretAccessKey: TEST_AWS_SECRET_KEY };
const PROVIDERS: readonly Provider[] = [
  { profile: 'here', ...HERE },
  { profile: 'there', ...THERE },
];

(absent.length === 0 ? describe : describe.skip)(
  'a repository and its copies: a server, another provider, a disk',
  () => {
    const bucket = `third-${randomBytes(6).toString('hex')}`;
    const [here = '', there = ''] = PROVIDERS.map(({ endpoint, profile }) => {
      const parameters = new URLSearchParams({ endpoint, profile, region: 'us-east-1' });
      return `s3://${bucket}/${profile}?${parameters.toString()}`;
    });
    let folder: string;
    let workplace: Workplace;
    let restoreEnvironment: () => void;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'third-copy-'));
      const profiles = PROVIDERS.map(
        ({ profile, accessKeyId, secretAccessKey }) =>
          `[${profile}]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`,
      );
      await writeFile(join(folder, 'credentials'), profiles.join(''));
      restoreEnvironment = useAwsEnvironment({ AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials') });
      for (const { endpoint, ...credentials } of PROVIDERS) {
        const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
        await client.send(new CreateBucketCommand({ Bucket: bucket }));
        client.destroy();
      }
      workplace = await Workplace.withFixture('tempo-2.9');
    });

    afterAll(async () => {
      await workplace.remove();
      await rm(folder, { recursive: true });
      restoreEnvironment();
    });

    async function replicate(from: string, to: string): Promise<unknown> {
      const { exitCode, result } = await workplace.run('replicate', '--repository', from, '--to', to);
      expect(exitCode).toBe(ExitCode.DONE);
      return result.points.copied.length;
    }

    it('are one and the same, whichever way they went, and each verifies and restores by itself', async () => {
      const disk = `file://${folder}/disk`;
      const back = there.replace('/there?', '/back?');
      await workplace.run('backup', '--repository', here);
      expect(await replicate(here, there)).toBe(1);
      makeBlock(workplace.traces, 'team-a', { size: 9 * 1024 * 1024 });
      await workplace.run('backup', '--repository', here);
      expect(await replicate(here, there)).toBe(1);
      expect(await replicate(there, disk)).toBe(2);
      expect(await replicate(disk, back)).toBe(2);
      expect(await replicate(here, there)).toBe(0);

      const restored: unknown[] = [];
      for (const copy of [here, there, disk, back]) {
        const verified = await workplace.run(
          'verify',
          '--repository',
          copy,
          '--recovery-point',
          'all',
          '--level',
          'full',
        );
        expect(verified).toMatchObject({ exitCode: ExitCode.DONE, result: { problems: [] } });
        const target = join(folder, `restored-${restored.length}`);
        const { exitCode, result } = await workplace.run('restore', '--repository', copy, '--target', target);
        expect(exitCode).toBe(ExitCode.DONE);
        restored.push({ blocks: result.blocks, recoveryPoint: result.recoveryPoint });
      }
      expect(new Set(restored.map((each) => JSON.stringify(each))).size).toBe(1);
    }, 120_000);
  },
);
