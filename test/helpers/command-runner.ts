import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandResults } from '../../lib/contract/results';
import type { ClusterApi } from '../../runtime/cluster/cluster-api';
import { run } from '../../runtime/run';
import type { ClusterDouble } from './cluster-double';
import { copyFixture } from './tempo-tree';

export interface Ran<Result> {
  readonly exitCode: number;
  readonly result: Result;
  readonly stdout: string;
  readonly stderr: string;
}

interface Failure {
  readonly error: { readonly message: string; readonly exitCode: number; readonly lift?: string };
}

/** A folder with a Tempo's data, a configuration and a repository, and the whole program to run on it. */
export class Workplace {
  static async withFixture(fixture: 'tempo-2.9' | 'tempo-3.0'): Promise<Workplace> {
    const workplace = new Workplace(await mkdtemp(join(tmpdir(), 'tempo-backup-run-')), fixture);
    copyFixture(fixture, workplace.folder);
    await workplace.configure();
    return workplace;
  }

  readonly volume: string;
  readonly traces: string;
  readonly wal: string;
  readonly repository: string;
  readonly config: string;

  /** What runs in the cluster's place. */
  cluster: ClusterDouble | undefined;

  private constructor(
    readonly folder: string,
    fixture: 'tempo-2.9' | 'tempo-3.0',
  ) {
    this.volume = join(folder, 'var-tempo');
    this.traces = join(this.volume, 'traces');
    this.wal = join(this.volume, fixture === 'tempo-2.9' ? 'wal' : 'live-store/traces');
    this.repository = join(folder, 'repository');
    this.config = join(folder, 'tempo-backup.yaml');
  }

  /** Writes the configuration; `extra` holds more lines of YAML. */
  async configure({ name = 'tempo', files = [] as string[], tempo = '', extra = '' } = {}): Promise<void> {
    const storage = `{ backend: local, path: ${this.traces}, walPath: ${this.wal} }`;
    await writeFile(
      this.config,
      `tempo: { name: ${name}, storage: ${storage}, configFiles: [${files.join(', ')}]${tempo && `, ${tempo}`} }\nrepository: { url: "file://${this.repository}" }\n${extra}\n`,
    );
  }

  /** Runs a command with `--output json`; a failure's `result` is the error that it printed. */
  async run<C extends keyof CommandResults>(command: C, ...args: string[]): Promise<Ran<CommandResults[C] & Failure>> {
    const ran = await this.type(command, ...args, '--config', this.config, '--output', 'json');
    return { ...ran, result: JSON.parse(ran.stdout) as CommandResults[C] & Failure };
  }

  /** Runs exactly these arguments. */
  async type(...argv: string[]): Promise<Ran<undefined>> {
    const written = { stdout: '', stderr: '' };
    const sink = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (written[name] += text) });
    const exitCode = await run(argv, {
      ...{ stdout: sink('stdout'), stderr: sink('stderr'), onSignal: () => undefined },
      openCluster: ({ signal }) => Promise.resolve(this.openCluster(signal)),
    });
    return { exitCode, result: undefined, ...written };
  }

  private openCluster(signal: AbortSignal): ClusterApi {
    if (!this.cluster) throw new Error('the run asked for a cluster, and there is none');
    return this.cluster.api(signal);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
