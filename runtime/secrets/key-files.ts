import { readFile } from 'node:fs/promises';
import { UsageError } from '../errors';

/** Reads a file that a key of the configuration names. No error holds anything of its content. */
export async function readKeyFile(path: string, configKey: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new UsageError(`read '${path}': ${code}; correct 'encryption.${configKey}' or make the file readable`, {
      path,
    });
  }
}

/** The first line of a file, as gpg's `--passphrase-file` takes it. */
export async function readPassphrase(path: string, configKey: string): Promise<string> {
  const [line = ''] = (await readKeyFile(path, configKey)).toString('utf8').split(/\r?\n/, 1);
  if (line === '')
    throw new UsageError(`read '${path}': its first line is empty; write the passphrase there`, { path });
  return line;
}
