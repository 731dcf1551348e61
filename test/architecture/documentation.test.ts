import { join } from 'node:path';
import ts from 'typescript';
import { parse as parseYaml } from 'yaml';
import { parseRunnerConfig } from '../../lib/contract/runner-config';
import { parseCommand } from '../../runtime/command-line';
import { codeBlocksOf, commandLinesOf, documents, type CodeBlock } from './code-blocks';
import { brokenLinksOf } from './links';
import { ROOT } from './source-files';

const blocks = documents().flatMap((path) => codeBlocksOf(path));
const blocksIn = (...languages: string[]): [string, CodeBlock][] =>
  blocks.filter((block) => languages.includes(block.language)).map((block) => [block.where, block]);
const commandLines = blocksIn('console').flatMap(([where, block]) =>
  commandLinesOf(block).map((words): [string, string[]] => [`${where}: ${words.join(' ')}`, words]),
);
const configurations = blocksIn('yaml').filter(([, block]) => block.text.startsWith('# tempo-backup.yaml'));

describe('the documents', () => {
  it.each(documents())('have no dead links in %s', (path) => {
    expect(brokenLinksOf(path)).toEqual([]);
  });

  it('are found to have dead links when they do', () => {
    const text = '[a](no-such-file.md) [b](README.md#no-such-heading) [c](README.md) [d](https://example.com/x)';
    expect(brokenLinksOf('README.md', text)).toEqual(['no-such-file.md', 'README.md#no-such-heading']);
  });

  it('show a configuration and a command at least', () => {
    expect([configurations.length > 0, commandLines.length > 0]).toEqual([true, true]);
  });

  it('have TypeScript examples that type-check', () => {
    expect(typeErrorsIn(blocksIn('ts', 'typescript').map(([, block]) => block))).toEqual([]);
  });

  it('are found to have wrong TypeScript examples when they do', () => {
    const wrong =
      "import { ExitCode } from 'tempo-backup/contract';\nconst code: string = ExitCode.DONE;\nconsole.log(code);";
    const errors = typeErrorsIn([{ language: 'ts', text: wrong, where: 'x.md:1' }]);
    expect(errors).toEqual([expect.stringMatching(/^x\.md:1 \+1: .* is not assignable to type 'string'/)]);
  });
});

const everyBlock = (name: string, cases: [string, CodeBlock][], check: (block: CodeBlock) => void): void => {
  it(name, () => {
    const failures = cases.flatMap(([where, block]) => failureOf(where, () => check(block)));
    expect(failures).toEqual([]);
  });
};

describe('the examples in the documents', () => {
  everyBlock('are JSON where they say so', blocksIn('json'), (block) => void JSON.parse(block.text));
  everyBlock('are YAML where they say so', blocksIn('yaml'), (block) => void parseYaml(block.text));
  everyBlock('are configurations that the runner accepts', configurations, (block) => {
    parseRunnerConfig(parseYaml(block.text));
  });

  it.each(commandLines)('are commands that the runner understands: %s', (_, words) => {
    expect(() => parseCommand(words)).not.toThrow();
  });
});

function failureOf(where: string, check: () => void): string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [`${where}: ${String(error)}`];
  }
}

/** Checks all blocks in one program, each as a module of its own in the project's root, where `tempo-backup/contract` is found. */
function typeErrorsIn(examples: readonly CodeBlock[]): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(ROOT, 'tsconfig.json'),
    { noEmit: true, types: ['node'] },
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: () => undefined,
    },
  );
  if (!config) throw new Error('read tsconfig.json: it is not valid');
  const files = new Map(examples.map((block, index) => [join(ROOT, `example-${index}.ts`), block]));
  const host = ts.createCompilerHost(config.options);
  const fileExists = host.fileExists.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.getSourceFile = (path, options) => {
    const block = files.get(path);
    return block ? ts.createSourceFile(path, `${block.text}\nexport {};`, options) : getSourceFile(path, options);
  };
  const program = ts.createProgram([...files.keys()], config.options, host);
  return [...files].flatMap(([path, block]) =>
    diagnosticsOf(program, program.getSourceFile(path)).map(({ line, text }) => `${block.where} +${line}: ${text}`),
  );
}

function diagnosticsOf(program: ts.Program, file: ts.SourceFile | undefined): { line: number; text: string }[] {
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((diagnostic) => ({
    line: file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line ?? 0,
    text: ts.flattenDiagnosticMessageText(diagnostic.messageText, ' '),
  }));
}
