import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../../runtime/run';
import { useAwsEnvironment } from '../../../helpers/aws-environment';
import { readParquet } from '../tempo-double/parquet-file';
import { S3_KEYS } from './servers/repository-bucket';

/** Restores the newest point of a repository to this machine, and tells which traces are in its files: what the point is really worth. */
export async function tracesInNewestPoint(repositoryUrl: string): Promise<Set<string>> {
  const folder = await mkdtemp(join(tmpdir(), 'tempo-backup-point-'));
  const restoreEnvironment = useAwsEnvironment(S3_KEYS);
  try {
    await restoreTo(folder, repositoryUrl);
    const traceIds = new Set<string>();
    for (const path of await readdir(folder, { recursive: true })) {
      if (!/(data\.parquet|\/\d{10})$/.test(path)) continue;
      for (const { traceId } of await readParquet(join(folder, path))) traceIds.add(traceId);
    }
    return traceIds;
  } finally {
    restoreEnvironment();
    await rm(folder, { recursive: true });
  }
}

async function restoreTo(folder: string, repositoryUrl: string): Promise<void> {
  const config = join(folder, 'config.yaml');
  await writeFile(config, JSON.stringify({ tempo: { name: 'tempo' }, repository: { url: repositoryUrl } }));
  let output = '';
  const stream = { write: (text: string) => (output += text) };
  const args = ['restore', '--config', config, '--target', join(folder, 'restored'), '--allow', 'owner'];
  const exitCode = await run(args, { stdout: stream, stderr: stream, onSignal: () => undefined });
  if (exitCode !== 0) throw new Error(`restore of the newest point: exit code ${exitCode}\n${output}`);
}
