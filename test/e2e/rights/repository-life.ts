import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandName } from '../../../lib/contract/index';
import type { RightsScene } from './rights-scene';
import type { RanProgram } from './run-program';
import type { S3Recorder } from './s3-recorder';

/** A run of the program, and its command line. */
export interface Run {
  readonly what: string;
  readonly ran: RanProgram;
}

/** Of runs before there is a repository, and of those that met the damage which was done on purpose. */
const EXPECTED_EXITS: Readonly<Record<string, number>> = { 'snapshot list': 10, 'verify --level quick': 12 };

/** A repository's life, with everything in it that makes a command call what it calls seldom. */
export class RepositoryLife {
  readonly runs: Run[] = [];

  constructor(
    private readonly scene: RightsScene,
    private readonly recorder: S3Recorder,
  ) {}

  async live(): Promise<void> {
    const { scene } = this;
    const begun = Date.now();
    await this.run('snapshot', 'list');
    await scene.adaptGrace(Date.now() - begun);
    await this.backUpWhatIsTaken();
    await this.backUpAndRead();
    await this.takeVolumeSnapshots();
    await sleep(scene.graceSeconds * 1000);
    await this.run('prune');
    await this.replicateTwice();
    await this.useReplica();
    await this.loseAnIndex();
    await this.run('verify', '--level', 'full');
    await sleep(2 * scene.graceSeconds * 1000);
    await this.run('prune');
    await scene.forgetTempoConfig();
    await this.run('restore', '--recovery-point', 'latest', '--target', scene.target, '--dry-run');
  }

  private async run(command: CommandName, ...args: string[]): Promise<void> {
    const what = [command, ...args].join(' ');
    const ran = await this.scene.run(command, ...args);
    // What comes after it would only be confused.
    if (ran.exitCode !== (EXPECTED_EXITS[what] ?? 0)) throw new Error(`${what}: ${ran.exitCode} ${ran.stderr}`);
    this.runs.push({ what, ran });
  }

  private backUp(rule = 'all'): Promise<void> {
    return this.run('backup', '--rule', rule);
  }

  /** Keys that are taken: by other bytes, so that an upload is aborted and another place is found, and by the same. */
  private async backUpWhatIsTaken(): Promise<void> {
    const { scene } = this;
    const big = scene.addBlock();
    await scene.addWalBlock();
    await scene.put(`blocks/team-a/${big.id}/data.parquet`, Buffer.alloc(big.data.length, 7));
    await scene.put('wal/80b25cb9-2424-412f-8122-431f7d34a431+team-a+vParquet4/0000000001', 'other bytes');
    await scene.put(await scene.changeTempoConfig('# first\n'), '# first\n');
    this.loseUploadsOf(scene.bucket, ['probes', 'blocks', 'rewritten', 'wal']);
    await this.backUp();
    // As if the first had been killed before its manifest: the next one adopts what it finds.
    for (const key of await scene.keys('points/')) await scene.delete(key);
    await this.backUp();
  }

  private async backUpAndRead(): Promise<void> {
    const { scene } = this;
    await scene.put('rewritten/team-a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b/0123456789abcdef/meta.json', '{}');
    await scene.changeTempoConfig('# second\n');
    scene.addBlock();
    await this.backUp();
    for (const scope of ['data', 'wal', 'config']) await this.backUp(scope);
    for (let record = 0; record < 3; record++) await this.run('verify', '--level', 'full');
    await this.run('list');
    await this.run('show', 'latest');
    const [oldest = ''] = (await scene.keys('points/')).filter((key) => key.endsWith('.json')).sort();
    await this.run('show', 'latest', '--config-diff', oldest.slice('points/'.length, -'.json'.length));
    await this.run('restore', '--recovery-point', 'latest-verified', '--target', scene.target);
  }

  /** Of a cluster that makes each at once. */
  private async takeVolumeSnapshots(): Promise<void> {
    await this.run('snapshot', 'create', '--rule', 'daily');
    await this.run('snapshot', 'prune');
  }

  /** The second finds more than the first left, and what prune there has condemned. */
  private async replicateTwice(): Promise<void> {
    const { scene } = this;
    // Who doesn't know whether a put was done looks the key up.
    for (const kind of ['points', 'blocks', 'rewritten', 'wal', 'config', 'indexes'])
      this.loseAnswer(
        'PUT',
        `/${scene.targetBucket}/prod/${kind}/`,
        ({ searchParams }) => !searchParams.has('partNumber'),
      );
    this.loseUploadsOf(scene.targetBucket, ['probes', 'blocks', 'rewritten', 'wal']);
    await this.run('replicate', '--to', scene.copyUrl);
    const [record = ''] = await scene.keys('condemned/');
    await scene.put(record, await scene.get(record), scene.targetBucket);
    scene.addBlock();
    await this.backUp();
    await this.run('replicate', '--to', scene.copyUrl);
  }

  /** How far it is, and what it is for. */
  private async useReplica(): Promise<void> {
    const { replicaUrl, target } = this.scene;
    await this.scene.fillReplica();
    await this.run('verify', '--replica', replicaUrl);
    await this.run('verify', '--level', 'full', '--repository', replicaUrl);
    await this.run('restore', '--repository', replicaUrl, '--target', `${target}-from-replica`);
  }

  /** Verification finds it, the next backup looks among what is condemned for what it may use again; then it comes back. */
  private async loseAnIndex(): Promise<void> {
    const { scene } = this;
    const [point = ''] = (await scene.keys('points/')).sort().reverse();
    const manifest = JSON.parse((await scene.get(point)).toString('utf8')) as { tenants: { index: { key: string } }[] };
    const lost = manifest.tenants[0]?.index.key ?? '';
    const bytes = await scene.get(lost);
    await scene.delete(lost);
    await this.run('verify', '--level', 'quick');
    scene.addBlock();
    await this.backUp();
    await scene.put(lost, bytes);
  }

  /** Of each kind one upload begins of which nobody learns the name. */
  private loseUploadsOf(bucket: string, kinds: readonly string[]): void {
    for (const kind of kinds)
      this.loseAnswer('POST', `/${bucket}/prod/${kind}/`, ({ searchParams }) => searchParams.has('uploads'));
  }

  private loseAnswer(method: string, path: string, fits: (url: URL) => boolean): void {
    this.recorder.answersToLose.push((sent, url) => sent === method && url.pathname.startsWith(path) && fits(url));
  }
}
