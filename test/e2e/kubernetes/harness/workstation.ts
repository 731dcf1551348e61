import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RestoreResult } from '../../../../lib/contract/results';
import { type KubernetesObject, reference } from './cluster/objects';
import { ON_CALL } from './runner-objects';
import type { Scene } from './scene';
import { S3_KEYS } from './servers/repository-bucket';
import { TEMPO } from './tempo/tempo-objects';

const execute = promisify(execFile);
const PROGRAM = join(__dirname, '../../../../dist/tempo-backup.js');
const TIMEOUT_MS = 400_000;

/** What a line of shell left. */
export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  /** Both outputs. */
  readonly log: string;
  readonly seconds: number;
}

/** What `restore --output json` left. */
export interface Restored extends Ran {
  readonly result: RestoreResult & { readonly error?: { readonly message: string; readonly lift?: string } };
}

/** Where somebody sits who is called at night: a shell with kubectl, the bundled runner, its configuration, and few rights. */
export class Workstation {
  private constructor(
    private readonly scene: Scene,
    readonly folder: string,
  ) {}

  static async open(scene: Scene): Promise<Workstation> {
    const workstation = new Workstation(scene, await mkdtemp(join(tmpdir(), 'tempo-backup-workstation-')));
    await workstation.installProgram();
    await workstation.signIn();
    return workstation;
  }

  /** Gets configuration and token, again when the namespace is another one. */
  async signIn(): Promise<void> {
    const { namespace } = this.scene;
    await this.configure();
    const admin = ['-n', namespace];
    const { stdout } = await execute('kubectl', [...admin, 'create', 'token', ON_CALL, '--duration=2h']);
    const view = await execute('kubectl', ['config', 'view', '--raw', '--minify', '-o', 'json']);
    const config = JSON.parse(view.stdout) as { users: { name: string }[] };
    const users = config.users.map(({ name }) => ({ name, user: { token: stdout.trim() } }));
    await writeFile(join(this.folder, 'on-call.kubeconfig'), JSON.stringify({ ...config, users }), { mode: 0o600 });
  }

  /** Gets the configuration of a Tempo. */
  async configure(name: string = TEMPO.name): Promise<void> {
    const { api, namespace } = this.scene;
    const found = await api.get<KubernetesObject & { data: Record<string, string> }>(
      reference('ConfigMap', namespace, `${name}-backup-config`),
    );
    await writeFile(join(this.folder, 'tempo-backup.yaml'), found?.data['config.yaml'] ?? '');
  }

  /** Gets what survives the loss of a namespace: the synthesized objects, in one file for the chart, and the private key. */
  async fetchSafe(): Promise<void> {
    const objects = this.scene.runnerObjects().map((object) => JSON.stringify(object));
    await writeFile(join(this.folder, 'tempo-backup.k8s.yaml'), objects.join('\n---\n'));
    await writeFile(join(this.folder, 'private.asc'), this.scene.privateKey, { mode: 0o600 });
  }

  /** Runs a line of shell as somebody who may start restores, or as one who may do everything. */
  async run(line: string, { as = 'on-call' }: { readonly as?: 'on-call' | 'admin' } = {}): Promise<Ran> {
    const began = Date.now();
    const { PATH = '', KUBECONFIG = '' } = process.env;
    const env = {
      ...process.env,
      ...S3_KEYS,
      PATH: `${join(this.folder, 'bin')}:${PATH}`,
      KUBECONFIG: as === 'admin' ? KUBECONFIG : join(this.folder, 'on-call.kubeconfig'),
    };
    const options = { cwd: this.folder, env, timeout: TIMEOUT_MS, maxBuffer: 1e8 };
    const seconds = (): number => (Date.now() - began) / 1000;
    try {
      const { stdout, stderr } = await execute('/bin/sh', ['-c', line], options);
      return { exitCode: 0, stdout, log: stdout + stderr, seconds: seconds() };
    } catch (error) {
      const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
      if (typeof code !== 'number') throw error;
      return { exitCode: code, stdout, log: stdout + stderr, seconds: seconds() };
    }
  }

  async restore(line: string, options?: Parameters<Workstation['run']>[1]): Promise<Restored> {
    const ran = await this.run(`${line} --output json`, options);
    const last = ran.stdout.trim().split('\n').at(-1) ?? '';
    if (!last.startsWith('{')) throw new Error(`${line}: no result\n${ran.log}`);
    return { ...ran, result: JSON.parse(last) as Restored['result'] };
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  private async installProgram(): Promise<void> {
    const program = join(this.folder, 'bin/tempo-backup');
    await mkdir(join(this.folder, 'bin'));
    await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
    await chmod(program, 0o755);
  }
}
