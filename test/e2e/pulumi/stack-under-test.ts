import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalWorkspace, type PulumiFn, type Stack } from '@pulumi/pulumi/automation';

/** A stack of a program in this process, on a real engine, whose state is gone after `remove`. */
export class StackUnderTest {
  static async make(project: string, env: Readonly<Record<string, string>> = {}): Promise<StackUnderTest> {
    return new StackUnderTest(project, await mkdtemp(join(tmpdir(), 'tempo-backup-stack-')), env);
  }

  private constructor(
    private readonly project: string,
    private readonly folder: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  async with(program: PulumiFn): Promise<Stack> {
    return LocalWorkspace.createOrSelectStack(
      { stackName: 'test', projectName: this.project, program },
      { workDir: this.folder, envVars: { ...this.env, PULUMI_BACKEND_URL: `file://${this.folder}`, NO_COLOR: '1' } },
    );
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
