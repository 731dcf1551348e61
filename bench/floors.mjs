// What the machine itself needs: the least that any program could take. Run as a program of its own it is the bare Node loop.
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow } from './scratch.mjs';

const CHUNK_BYTES = 1024 * 1024;

export const floors = {
  'cp -a': { copy: (from, to) => ['cp', ['-a', from, to]] },
  'openssl sha256': { copy: (from) => ['openssl', ['dgst', '-sha256', ...filesBelow(from)]] },
  'node copy+hash': { copy: (from, to) => [process.execPath, [fileURLToPath(import.meta.url), from, to]] },
};

/** Reads, hashes and writes file after file in chunks of 1 MiB. */
function copyAndHash(from, to) {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (entry.isFile())
      copyFile(join(entry.parentPath, entry.name), join(to, entry.parentPath.slice(from.length), entry.name), buffer);
  }
}

function copyFile(from, to, buffer) {
  mkdirSync(dirname(to), { recursive: true });
  const input = openSync(from, 'r');
  const output = openSync(to, 'w');
  const hash = createHash('sha256');
  for (let read = readSync(input, buffer); read > 0; read = readSync(input, buffer)) {
    const bytes = buffer.subarray(0, read);
    hash.update(bytes);
    writeSync(output, bytes);
  }
  hash.digest('hex');
  closeSync(input);
  closeSync(output);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) copyAndHash(process.argv[2], process.argv[3]);
