import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface MinioServer {
  /** The `mc` program. */
  readonly mc: string;
  readonly endpoint: string;
  readonly root: Credentials;
}

/** Users of a MinIO, each with one policy; all are gone after `remove`. */
export class MinioUsers {
  static async on(server: MinioServer): Promise<MinioUsers> {
    return new MinioUsers(server, await mkdtemp(join(tmpdir(), 'tempo-backup-mc-')));
  }

  private readonly users: string[] = [];
  private readonly policies: string[] = [];

  private constructor(
    private readonly server: MinioServer,
    private readonly folder: string,
  ) {}

  /** A user with these policies, who may do what any of them permits. */
  async add(prefix: string, ...policies: readonly string[]): Promise<Credentials> {
    const name = `${prefix}-${randomBytes(4).toString('hex')}`;
    const secretAccessKey = randomBytes(16).toString('hex');
    await this.admin('user', 'add', 'rights', name, secretAccessKey);
    this.users.push(name);
    for (const [index, policy] of policies.entries()) {
      const policyName = `${name}-${index}`;
      const file = join(this.folder, `${policyName}.json`);
      await writeFile(file, policy);
      await this.admin('policy', 'create', 'rights', policyName, file);
      this.policies.push(policyName);
      await this.admin('policy', 'attach', 'rights', policyName, '--user', name);
    }
    return { accessKeyId: name, secretAccessKey };
  }

  async remove(): Promise<void> {
    for (const name of this.users) await this.admin('user', 'remove', 'rights', name);
    for (const name of this.policies) await this.admin('policy', 'remove', 'rights', name);
    await rm(this.folder, { recursive: true });
  }

  private async admin(...args: string[]): Promise<void> {
    const { mc, endpoint, root } = this.server;
    const url = new URL(endpoint);
    url.username = root.accessKeyId;
    url.password = root.secretAccessKey;
    const env = { ...process.env, MC_CONFIG_DIR: this.folder, MC_HOST_rights: url.href.replace(/\/$/, '') };
    await promisify(execFile)(mc, ['--quiet', 'admin', ...args], { env });
  }
}
