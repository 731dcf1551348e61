import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalWorkspace, type PulumiFn, type Stack } from '@pulumi/pulumi/automation';

/** Where a stack has its state, and how its engine is told about it. */
export interface StackPlace {
  readonly project: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

export function openStack({ project, folder, env }: StackPlace, program: PulumiFn): Promise<Stack> {
  return LocalWorkspace.createOrSelectStack(
    { stackName: 'test', projectName: project, program },
    { workDir: folder, envVars: { ...env, PULUMI_BACKEND_URL: `file://${folder}`, NO_COLOR: '1' } },
  );
}

/** A stack of a program in this process, on a real engine, whose state is gone after `remove`. */
export class StackUnderTest {
  static async make(project: string, env: Readonly<Record<string, string>> = {}): Promise<StackUnderTest> {
    return new StackUnderTest({ project, folder: await mkdtemp(join(tmpdir(), 'tempo-backup-stack-')), env });
  }

  private constructor(private readonly place: StackPlace) {}

  with(program: PulumiFn): Promise<Stack> {
    return openStack(this.place, program);
  }

  /**
   * What an update says that fails, of the program that the module makes of these arguments. In a process of its own: an engine that ends
   * too early leaves promises of the program behind, which would fail any test.
   */
  refusal(module: string, args: object): Promise<string> {
    const told = JSON.stringify({ place: this.place, module, args });
    const argv = ['--import', 'tsx', join(__dirname, 'refused-update.ts'), told];
    return new Promise((resolve, reject) => {
      execFile(process.execPath, argv, (_, stdout, stderr) => {
        if (stdout.startsWith('refused: ')) resolve(stdout);
        else reject(new Error(`nothing was refused: ${stdout}${stderr}`));
      });
    });
  }

  async remove(): Promise<void> {
    await rm(this.place.folder, { recursive: true });
  }
}
