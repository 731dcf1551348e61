import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandName } from '../../lib/contract/command-line/commands';
import { run } from '../../runtime/run';
import { useAwsEnvironment } from './aws-environment';
import { DOUBLE_ACCESS_KEY, DOUBLE_BUCKET, S3Double, type S3DoubleOptions } from './s3-double';
import { blockFiles, type BlockFiles, type MadeBlock } from './tempo-tree';

export interface BucketRan {
  readonly exitCode: number;
  // What a test expects of a result, it says itself.
  readonly result: Record<string, unknown> & { readonly error?: { readonly message: string; readonly lift?: string } };
  readonly stderr: string;
}

export const TEMPO_PREFIX = 'tempo/prod';

/** A server with Tempo's blocks below one prefix and a repository below another, and the whole program to run on it. */
export class BucketWorkplace {
  static async start(options: S3DoubleOptions = {}): Promise<BucketWorkplace> {
    const restore = useAwsEnvironment({ AWS_ACCESS_KEY_ID: DOUBLE_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: 'secret' });
    const double = await S3Double.start(options);
    const workplace = new BucketWorkplace(double, await mkdtemp(join(tmpdir(), 'tempo-bucket-')), restore);
    await workplace.configure();
    return workplace;
  }

  readonly config: string;

  private constructor(
    readonly double: S3Double,
    readonly folder: string,
    private readonly restoreEnvironment: () => void,
  ) {
    this.config = join(folder, 'tempo-backup.yaml');
  }

  async configure({
    repository = this.double.url('backups'),
    bucket = DOUBLE_BUCKET,
    walPath = '',
    tempo = '',
    extra = '',
  } = {}): Promise<void> {
    const wal = walPath === '' ? '' : `, walPath: ${walPath}`;
    const storage = `{ backend: s3, bucket: ${bucket}, prefix: ${TEMPO_PREFIX}, endpoint: "${this.double.endpoint}"${wal} }`;
    await writeFile(
      this.config,
      `tempo: { storage: ${storage}${tempo && `, ${tempo}`} }\nrepository: { url: "${repository}" }\n${extra}\n`,
    );
  }

  /** Puts a block where Tempo has it, as Tempo would: meta.json last. */
  flush(tenant: string, options: MadeBlock = {}): BlockFiles {
    const block = blockFiles(tenant, options);
    for (const [name, bytes] of block.files) this.put(`${tenant}/${block.id}/${name}`, bytes);
    return block;
  }

  /** Copies meta.json, then deletes it. */
  compact(tenant: string, id: string): void {
    const key = `${TEMPO_PREFIX}/${tenant}/${id}/meta.json`;
    this.put(`${tenant}/${id}/meta.compacted.json`, this.double.objects.get(key)?.bytes ?? Buffer.alloc(0));
    this.double.drop(key);
  }

  put(key: string, bytes: Buffer): void {
    this.double.place(`${TEMPO_PREFIX}/${key}`, bytes);
  }

  /** Keys below Tempo's prefix, without it. */
  keys(): string[] {
    return [...this.double.objects.keys()]
      .filter((key) => key.startsWith(`${TEMPO_PREFIX}/`))
      .map((key) => key.slice(TEMPO_PREFIX.length + 1))
      .sort();
  }

  async run(command: CommandName, ...args: string[]): Promise<BucketRan> {
    const written = { stdout: '', stderr: '' };
    const sink = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (written[name] += text) });
    const argv = [command, ...args, '--config', this.config, '--output', 'json'];
    const exitCode = await run(argv, { stdout: sink('stdout'), stderr: sink('stderr'), onSignal: () => undefined });
    return { exitCode, result: JSON.parse(written.stdout) as BucketRan['result'], stderr: written.stderr };
  }

  async stop(): Promise<void> {
    await this.double.stop();
    await rm(this.folder, { recursive: true, force: true });
    this.restoreEnvironment();
  }
}
