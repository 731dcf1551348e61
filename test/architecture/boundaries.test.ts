import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { findCycle, importsOf, loadedAtStart, type Imports } from './import-graph';
import { readSource, sourceFiles } from './source-files';

const ENTRY = 'runtime/main.ts';
const packageOf = (path: string): string | undefined =>
  /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? undefined;
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

  it('does not evaluate the AWS SDK before an s3: repository is opened', () => {
    const atStart = loadedAtStart(inputs, ENTRY);
    expect(paths.some(isAws)).toBe(true);
    expect([...atStart].filter(isAws)).toEqual([]);
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

function relativeImports(file: string, known: ReadonlySet<string>): string[] {
  return ts
    .preProcessFile(readSource(file))
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)).replace(/\.js$/, ''))
    .map((path) => [`${path}.ts`, `${path}/index.ts`].find((candidate) => known.has(candidate)))
    .filter((path) => path !== undefined);
}
