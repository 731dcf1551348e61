import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import type { Credentials } from './minio-users';
import type { S3Call, S3Recorder } from './s3-recorder';

const RUNNER = resolve(__dirname, '../../../dist/tempo-backup.js');

export interface RanProgram {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly calls: readonly S3Call[];
  /** That passed between program and server. */
  readonly bytes: number;
}

/** Runs the bundled program as this user, with its result as JSON, and collects what it called. */
export async function runProgram(
  recorder: S3Recorder,
  user: Credentials | undefined,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<RanProgram> {
  if (!user) throw new Error(`there is no user for ${args[0] ?? ''}`);
  recorder.calls = [];
  recorder.bytes = 0;
  const env = {
    PATH: process.env['PATH'],
    AWS_ACCESS_KEY_ID: user.accessKeyId,
    AWS_SECRET_ACCESS_KEY: user.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...environment,
  };
  const argv = [RUNNER, ...args, '--output', 'json', '--log-format', 'text'];
  const ran = await new Promise<Omit<RanProgram, 'calls' | 'bytes'>>((done) => {
    execFile(process.execPath, argv, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      done({ exitCode: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
  });
  return { ...ran, calls: recorder.calls, bytes: recorder.bytes };
}
