import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { LocalWorkspace, type Stack } from '@pulumi/pulumi/automation';

const ROOT = join(__dirname, '../../..');

/**
 * An example in a folder of its own, with the package as npm packs it from what was built. Whatever else it depends on is found one folder
 * up, as installed for this project, so that nothing is fetched.
 */
export class ExampleFolder {
  private readonly parent = mkdtempSync(join(tmpdir(), 'tempo-backup-example-'));
  private readonly folder: string;

  constructor(example: string) {
    this.folder = join(this.parent, basename(example));
    // What somebody installed there is left out.
    const filter = (path: string) =>
      !/node_modules|package-lock\.json|Pulumi\..+\.yaml/.test(path.slice(example.length));
    cpSync(example, this.folder, { recursive: true, filter });
    symlinkSync(join(ROOT, 'node_modules'), join(this.parent, 'node_modules'));
    this.install();
  }

  /** A stack of the program in the folder, run by the engine's own language host. */
  async stack(env: Readonly<Record<string, string>>): Promise<Stack> {
    const state = join(this.parent, 'state');
    mkdirSync(state);
    const envVars = { ...env, PULUMI_BACKEND_URL: `file://${state}`, NO_COLOR: '1' };
    return LocalWorkspace.createOrSelectStack({ stackName: 'test', workDir: this.folder }, { envVars });
  }

  /** What `tsc` says of the program; empty: nothing. */
  typeErrors(): string {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    try {
      return execFileSync(process.execPath, [tsc, '--noEmit', '-p', this.folder], { encoding: 'utf8' });
    } catch (error) {
      return String((error as { stdout?: unknown }).stdout);
    }
  }

  remove(): void {
    rmSync(this.parent, { recursive: true });
  }

  private install(): void {
    if (!existsSync(join(ROOT, 'dist/lib/aws/index.js')))
      throw new Error("dist/lib isn't there; run 'npm run build' first");
    const options = { cwd: ROOT, encoding: 'utf8' } as const;
    const packed = execFileSync(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', this.parent],
      options,
    );
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
    const target = join(this.folder, 'node_modules/tempo-backup');
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', join(this.parent, filename), '-C', target, '--strip-components=1']);
  }
}
