import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { buildSync } from 'esbuild';
import ts from 'typescript';
import { ExitCode } from '../../lib/contract/exit-codes';
import { findCycle, importsOf, type Imports } from './import-graph';
import { readSource, ROOT, sourceFiles } from './source-files';

const ENTRY = 'runtime/main.ts';
const packageOf = (path: string): string | undefined =>
  /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? undefined;
const isKubernetes = (path: string): boolean => path.includes('node_modules/@kubernetes/');
const isOpenpgp = (path: string): boolean => path.includes('node_modules/openpgp/');
const isAws = (path: string): boolean => /node_modules\/(@aws-sdk|@smithy|@aws)\//.test(path);

describe('the bundle of the runner', () => {
  let inputs: Imports;
  let paths: string[];
  let own: string[];
  beforeAll(() => {
    inputs = importsOf([ENTRY]);
    paths = Object.keys(inputs);
    own = paths.filter((path) => packageOf(path) === undefined);
  });

  it('holds neither constructs nor Pulumi', () => {
    const hosts = paths.filter((path) =>
      /node_modules\/(cdk8s|constructs\/|@pulumi\/)|^(lib\/(kubernetes|aws)|stacks)\//.test(path),
    );
    expect(hosts).toEqual([]);
  });

  it('reaches the AWS SDK through runtime/storage/s3.ts alone', () => {
    const importers = own.filter((path) => inputs[path]?.imports.some((edge) => isAws(edge.path)));
    expect(importers).toEqual(['runtime/storage/s3.ts']);
  });

  it('reaches the Kubernetes client through runtime/cluster alone, and only its kubeconfig', () => {
    const edges = own.flatMap((path) => (inputs[path]?.imports ?? []).map((edge) => ({ path, target: edge.path })));
    const importers = edges.filter(({ target }) => isKubernetes(target));
    expect(importers.map(({ path }) => path)).toEqual(['runtime/cluster/kubeconfig-connection.ts']);
    expect(importers[0]?.target).toMatch(/node_modules\/@kubernetes\/client-node\/dist\/config\.js$/);
  });

  it('reaches OpenPGP through runtime/secrets alone', () => {
    const importers = own.filter((path) => inputs[path]?.imports.some((edge) => isOpenpgp(edge.path)));
    expect(importers).toEqual(['runtime/secrets/load-openpgp.ts']);
    // Its other build needs `import.meta`, which a bundle of CommonJS hasn't: it would fail when the first Secret is encrypted.
    expect(paths.filter(isOpenpgp)).toEqual([expect.stringMatching(/openpgp\.min\.cjs$/)]);
  });

  it('does not load the AWS SDK, the Kubernetes client or OpenPGP for a repository in a folder', () => {
    expect(paths.some(isAws)).toBe(true);
    expect(paths.some(isKubernetes) && paths.some(isOpenpgp)).toBe(true);
    const { status, loaded } = runBundle('list', '--config', 'tempo-backup.yaml');
    expect(status).toBe(ExitCode.REPOSITORY_MISSING);
    expect(loaded.some((path) => path.includes('/node_modules/zod/'))).toBe(true);
    expect(loaded.filter((path) => isAws(path) || isKubernetes(path) || isOpenpgp(path))).toEqual([]);
  });

  it('uses only packages that are declared as dependencies', () => {
    const declared = Object.keys((JSON.parse(readSource('package.json')) as { dependencies: object }).dependencies);
    const used = own.flatMap((path) => inputs[path]?.imports.map((edge) => packageOf(edge.path)) ?? []);
    expect([...new Set(used)].filter((name) => name !== undefined && !declared.includes(name))).toEqual([]);
  });
});

describe('the sources', () => {
  it('import nothing in circles, types included', () => {
    const files = sourceFiles();
    const graph = new Map(files.map((file) => [file, relativeImports(file, new Set(files))]));
    expect(findCycle(graph)).toBeUndefined();
  });

  it('are found to be circular when they are', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ]);
    expect(findCycle(graph)).toEqual(['b', 'c', 'b']);
  });
});

/** Runs the runner, bundled without its packages, in a new folder, and tells which modules were loaded by the time it ended. */
function runBundle(...args: string[]): { status: number | null; loaded: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'tempo-backup-bundle-'));
  try {
    const bundle = join(folder, 'runner.js');
    buildSync({
      absWorkingDir: ROOT,
      entryPoints: [ENTRY],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      packages: 'external',
    });
    writeFileSync(join(folder, 'tempo-backup.yaml'), `repository: { url: "file://${folder}/no-such-repository" }`);
    const tellLoaded = `process.on('exit', () => console.log(JSON.stringify(Object.keys(require.cache)))); require(process.argv[1]);`;
    const env = { ...process.env, NODE_PATH: join(ROOT, 'node_modules') };
    const { status, stdout } = spawnSync(process.execPath, ['-e', tellLoaded, bundle, ...args], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    return { status, loaded: JSON.parse(stdout) as string[] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function relativeImports(file: string, known: ReadonlySet<string>): string[] {
  return ts
    .preProcessFile(readSource(file))
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)).replace(/\.js$/, ''))
    .map((path) => [`${path}.ts`, `${path}/index.ts`].find((candidate) => known.has(candidate)))
    .filter((path) => path !== undefined);
}
