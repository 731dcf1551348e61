import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ExitCode } from '../../../../lib/contract/exit-codes';
import type { RunnerConfig } from '../../../../lib/contract/runner-config';
import { refuseBelowTempo } from '../../../../runtime/commands/restore/target-place';
import { BucketWorkplace } from '../../../helpers/bucket-workplace';
import { block, Scene } from './restore-scene';

jest.setTimeout(60_000);

describe('the target of a restore', () => {
  let workplace: BucketWorkplace;
  beforeEach(async () => {
    workplace = await BucketWorkplace.start();
    workplace.flush('team-a');
    await workplace.run('backup');
  });
  afterEach(() => workplace.stop());

  const restoreTo = (target: string): ReturnType<BucketWorkplace['run']> =>
    workplace.run('restore', '--target', target);

  it.each(['tempo/prod/team-a', 'tempo/prod/side', 'tempo//prod/x/'])(
    'is refused at %s, which Tempo would take for one of its tenants or for a block',
    async (prefix) => {
      const before = workplace.double.objects.size;
      const { exitCode, result } = await restoreTo(workplace.double.url(prefix));
      expect(exitCode).toBe(ExitCode.CONFIGURATION);
      expect(result.error?.message).toMatch(
        /lies in 's3:.*tempo\/prod.*Tempo.*leave out --target.*--into-tenant.*, or choose another prefix$/,
      );
      expect(workplace.double.objects.size).toBe(before);
    },
  );

  it("is refused at any prefix of a bucket that is Tempo's from the top, so another bucket is advised", () => {
    const tempo = { storage: { backend: 's3', bucket: 'traces', endpoint: 'http://minio:9000' } } as const;
    const config = { tempo } as unknown as RunnerConfig;
    expect(() => refuseBelowTempo(config, 's3://traces/drill?endpoint=http://minio:9000')).toThrow(
      /, or choose another bucket$/,
    );
  });

  it.each(['tempo/prod', 'tempo/production', 'elsewhere'])('may be %s', async (prefix) => {
    expect((await restoreTo(workplace.double.url(prefix))).exitCode).toBe(ExitCode.DONE);
  });

  it('may be a file: URL of a folder', async () => {
    const folder = join(workplace.folder, 'a folder');
    mkdirSync(folder);
    const { exitCode, result } = await restoreTo(pathToFileURL(folder).href);
    expect([exitCode, result['target']]).toEqual([ExitCode.DONE, folder]);
    expect(readdirSync(folder)).toEqual(['traces']);
  });

  it.each([
    ['gs://bucket/x', /'gs:' is unknown; write a folder, or 's3:/],
    ['https://minio/x', /'https:' is unknown/],
    ['file://host/x', /'host' is taken for a machine/],
    ['file:///x?y=z', /a folder has no options/],
    ['file:///a%2Fb', /no folder/],
    ['s3://double-bucket/%zz', /percent-encoded/],
  ])('is refused when it is %s', async (target, message) => {
    const { exitCode, result } = await restoreTo(target);
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
    expect(result.error?.message).toMatch(message);
    expect(existsSync(target.split('/')[0] ?? '')).toBe(false);
  });
});

describe('the folder that a restore goes to', () => {
  let scene: Scene;
  afterEach(() => scene.remove());

  async function start(): Promise<string> {
    scene = await Scene.of({ tenants: { 'team-a': [block('team-a')] } });
    const traces = join(scene.target, 'traces');
    mkdirSync(join(traces, 'team-a'), { recursive: true });
    mkdirSync(join(scene.target, 'wal'));
    return traces;
  }

  it.each(['traces', 'traces/team-a', 'traces/new', 'wal'])(
    "is refused at %s, inside of Tempo's own data",
    async (below) => {
      const path = await start();
      const config = {
        ...scene.context().config,
        tempo: {
          ...scene.context().config.tempo,
          storage: { backend: 'local' as const, path, walPath: join(path, '../wal') },
        },
      };
      const restored = scene.restore({ target: join(scene.target, below) }, { config });
      await expect(restored).rejects.toThrow(/lies in '.*', where Tempo keeps its data; leave out --target/);
      expect([...scene.tree().keys()]).toEqual([]);
    },
  );

  it("may be the one that holds Tempo's data", async () => {
    const path = await start();
    const config = {
      ...scene.context().config,
      tempo: { ...scene.context().config.tempo, storage: { backend: 'local' as const, path } },
    };
    expect((await scene.restore({}, { config })).exitCode).toBe(0);
  });
});
