// The main job on the embedded default: real Tempo data into a repository on disk, destroyed, restored, and every trace accounted for.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

const root = resolve(import.meta.dirname, '..');
const scratch = join(root, '.demo');
const program = join(root, 'dist', 'tempo-backup.js');
const bold = (text) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);

const versions = [
  { name: 'Tempo 2.9', fixture: 'tempo-2.9', wal: 'wal' },
  { name: 'Tempo 3.0', fixture: 'tempo-3.0', wal: 'live-store/traces' },
];

rmSync(scratch, { recursive: true, force: true });
const began = Date.now();
let missing = 0;
for (const version of versions) missing += await demonstrate(version);
if (missing > 0) {
  console.error(`\n${missing} of the pushed traces are missing`);
  process.exit(1);
}
console.log(
  `\n${bold('All traces are back.')} ${((Date.now() - began) / 1000).toFixed(1)} s in all. What is left to look at is in .demo/`,
);
console.log(`
Next steps
  node dist/tempo-backup.js list --config .demo/tempo-3.0/tempo-backup.yaml
  node dist/tempo-backup.js restore --config .demo/tempo-3.0/tempo-backup.yaml --target /tmp/check --dry-run
  node dist/tempo-backup.js --help
  Back up your own Tempo: README.md, "Back up your Tempo". When you need the data back: docs/operations.md`);

async function demonstrate({ name, fixture, wal }) {
  const home = join(scratch, fixture);
  const volume = join(home, 'var-tempo');
  const restored = join(home, 'restored');
  const config = join(home, 'tempo-backup.yaml');
  mkdirSync(home, { recursive: true });
  cpSync(join(root, 'test', 'fixtures', fixture, 'var-tempo'), volume, { recursive: true });
  cpSync(join(root, 'test', 'fixtures', fixture, 'tempo.yaml'), join(home, 'tempo.yaml'));
  writeFileSync(config, configuration(home, volume, wal));

  heading(`${name}: the data directory that a real Tempo left when it was killed`);
  say(`${count(files(volume), 'file')}, ${(bytesOf(volume) / 1024).toFixed(0)} KiB`);
  heading(`${name}: back it up`);
  const first = run('backup', '--config', config);
  run('show', 'latest', '--config', config);
  heading(`${name}: back it up again, which sends nothing`);
  const second = run('backup', '--config', config);
  expect(second.result.blocks.new === 0 && second.result.bytes.sent < 64 * 1024, 'the second backup sent blocks again');
  expect(first.result.blocks.new > 0, 'the first backup stored no block');

  heading(`${name}: damage the original, then delete it`);
  damage(volume);
  rmSync(volume, { recursive: true });
  say('one block truncated, one overwritten in the middle, then the whole volume removed');

  heading(`${name}: prove the recovery point, and restore it`);
  run('verify', '--level', 'content', '--config', config);
  // The fixture ages while Tempo's own limits don't: without these two the guards refuse, and say why.
  run('restore', '--config', config, '--target', restored, '--allow', 'retention', '--allow', 'wal-timeout');
  return accountFor(name, fixture, restored);
}

function configuration(home, volume, wal) {
  return `# tempo-backup.yaml
tempo:
  storage: { backend: local, path: ${join(volume, 'traces')}, walPath: ${join(volume, wal)} }
  configFiles: [${join(home, 'tempo.yaml')}]
repository: { url: "file://${join(home, 'repository')}" }
`;
}

/** Shows the command as a person would type it, runs it for its JSON result, and says in a line what came of it. */
function run(command, ...args) {
  const shown = args.map((arg) => (arg.startsWith(root) ? relative(root, arg) : arg));
  console.log(`${bold('$')} tempo-backup ${[command, ...shown].join(' ')}`);
  const began = Date.now();
  const child = spawnSync(process.execPath, [program, command, ...args, '--output', 'json', '--log-level', 'warn'], {
    encoding: 'utf8',
  });
  process.stderr.write(child.stderr);
  if (child.status !== 0) {
    process.stdout.write(child.stdout);
    console.error(`${command} ended with exit code ${child.status}`);
    process.exit(1);
  }
  const result = JSON.parse(child.stdout);
  say(summary(command, result, Date.now() - began));
  return { result };
}

function summary(command, result, milliseconds) {
  const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
  const text = {
    backup: () => {
      const { recoveryPoint: point, blocks, bytes } = result;
      return `recovery point ${point.id} · ${count(blocks.total, 'block')} in ${count(point.tenants.length, 'tenant')}, ${count(point.wal.pages, 'WAL page')} · ${kib(bytes.total)}, ${kib(bytes.sent)} sent`;
    },
    show: () =>
      result.recoveryPoint.tenants
        .map((t) => `${t.tenant}: ${count(t.blocks, 'block')}, ${t.objects} traces, ${t.oldest} to ${t.newest}`)
        .join('\n  '),
    verify: () =>
      `${count(result.objects.checked, 'object')} read back and opened, ${kib(result.bytes.read)}, ${count(result.problems.length, 'problem')}`,
    restore: () =>
      `${count(result.blocks.restored, 'block')} and ${count(result.wal.pages, 'WAL page')} restored, ${kib(result.bytes.written)}`,
  };
  return `${text[command]()} · ${(milliseconds / 1000).toFixed(2)} s`;
}

function damage(volume) {
  const [first, second] = walk(join(volume, 'traces')).filter((file) => file.endsWith('data.parquet'));
  truncateSync(first, Math.floor(statSync(first).size / 2));
  const fd = openSync(second, 'r+');
  writeSync(fd, Buffer.alloc(512, 0xff), 0, 512, 4096);
  closeSync(fd);
}

/** Reads every trace ID out of the restored files with a parquet reader, and holds them against what was pushed. */
async function accountFor(name, fixture, restored) {
  const found = new Set();
  for (const file of walk(restored)) {
    if (!/(data\.parquet|\/[0-9]{10})$/.test(file) || statSync(file).size === 0) continue;
    const buffer = await asyncBufferFromFile(file);
    const rows = await parquetReadObjects({
      file: buffer,
      metadata: await parquetMetadataAsync(buffer),
      columns: ['TraceID'],
      compressors,
      utf8: false,
    });
    const tenant = tenantOf(relative(restored, file));
    for (const row of rows) found.add(`${tenant}/${Buffer.from(row.TraceID).toString('hex')}`);
  }
  const truth = readFileSync(join(root, 'test', 'fixtures', fixture, 'pushed.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const lost = truth.filter(({ tenant, traceId }) => !found.has(`${tenant}/${traceId}`));
  console.log(bold(`✓ ${name}: ${truth.length - lost.length} of ${truth.length} pushed traces are back`));
  for (const { tenant, traceId } of lost.slice(0, 5)) console.error(`  missing: ${tenant} ${traceId}`);
  return lost.length;
}

function tenantOf(path) {
  const parts = path.split('/');
  const wal = parts.find((part) => part.includes('+'));
  return wal ? wal.split('+')[1] : parts.at(-3);
}

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function files(folder) {
  return walk(folder).length;
}

function bytesOf(folder) {
  return walk(folder).reduce((sum, file) => sum + statSync(file).size, 0);
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function heading(text) {
  console.log(`\n${bold(text)}`);
}

function say(text) {
  console.log(`  ${text}`);
}

function expect(condition, message) {
  if (condition) return;
  console.error(message);
  process.exit(1);
}
