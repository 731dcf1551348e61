// Builds the runner's image with docker, podman or buildah, whichever is there.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const BUILDERS = ['docker', 'podman', 'buildah'];
const USAGE = `npm run image -- [--tag NAME:TAG] [--builder ${BUILDERS.join('|')}] [options of its build]

  --tag       name of the image; default tempo-backup:${version}
  --builder   default: the first of these that is there

All else is passed on, for example --platform linux/arm64 or --build-arg NODE_IMAGE=registry.example/node:24-slim.`;

const runs = (program, ...args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;

/** A docker without its daemon is none. */
const works = (builder) => runs(builder, builder === 'docker' ? 'info' : '--version');

function revision() {
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  if (status !== 0) return 'unknown';
  const isClean = runs('git', '-C', root, 'diff', '--quiet', 'HEAD');
  return stdout.trim() + (isClean ? '' : '-dirty');
}

function sizeOf(builder, tag) {
  const format =
    builder === 'buildah'
      ? ['images', '--format', '{{.Size}}', tag]
      : ['image', 'inspect', '--format', '{{.Size}}', tag];
  const { stdout } = spawnSync(builder, format, { encoding: 'utf8' });
  // A line for each name that the image has.
  const [text = ''] = stdout.trim().split('\n');
  return /^\d+$/.test(text) ? `${(Number(text) / 1e6).toFixed(0)} MB` : text;
}

function fail(message) {
  console.error(message);
  process.exit(2);
}

/** What isn't ours is the builder's; npm's own `--` is gone by now. */
function ownOptions() {
  const { values, tokens } = parseArgs({
    options: { tag: { type: 'string' }, builder: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const own = new Set(['tag', 'builder', 'help']);
  const taken = new Set();
  for (const { kind, index, name, inlineValue } of tokens) {
    if (kind !== 'option' || !own.has(name)) continue;
    taken.add(index);
    if (name !== 'help' && inlineValue === false) taken.add(index + 1);
  }
  return { ...values, rest: process.argv.slice(2).filter((_, index) => !taken.has(index)) };
}

const { tag = `tempo-backup:${version}`, builder: asked, help, rest } = ownOptions();
if (help) {
  console.log(USAGE);
  process.exit(0);
}
if (asked !== undefined && !BUILDERS.includes(asked))
  fail(`build image: '${asked}' is no builder; one of ${BUILDERS.join(', ')}`);
if (typeof tag !== 'string') fail("build image: '--tag' needs a value, such as 'tempo-backup:1.0.0'");
const builder = asked ?? BUILDERS.find(works);
if (builder === undefined) fail(`build image: none of ${BUILDERS.join(', ')} is there; install one of them`);

// As options: a builder's cache may take a label that is made of build arguments from an earlier build.
const labels = Object.entries({ version, revision: revision() }).flatMap(([name, value]) => [
  '--label',
  `org.opencontainers.image.${name}=${value}`,
]);
const args = ['build', '--tag', tag, ...labels, ...rest, root];
console.log(`${builder} ${args.join(' ')}`);
const { status, error } = spawnSync(builder, args, { stdio: 'inherit' });
if (error) fail(`build image: ${builder} can't be run: ${error.message}`);
if (status !== 0) process.exit(status ?? 1);
console.log(`${tag}: ${sizeOf(builder, tag)}`);
