// Makes dist/: the runner as one file, and (without --bundle) the compiled library and stacks.
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const outfile = join(root, 'dist/tempo-backup.js');

// zod's messages in fifty languages would be a seventh of the bundle; nobody can ask for them here.
const withoutLocales = {
  name: 'without-locales',
  setup: ({ onLoad }) => onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.c?js$/ }, () => ({ contents: '' })),
};

async function bundle() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['runtime/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    banner: { js: '#!/usr/bin/env node' },
    define: { 'process.env.TEMPO_BACKUP_VERSION': JSON.stringify(version) },
    // Identifiers stay as they are: a stack trace from production must name functions.
    minifyWhitespace: true,
    minifySyntax: true,
    // Node prints the source line of an uncaught error; without a limit that line would be the whole program.
    lineLimit: 160,
    legalComments: 'none',
    plugins: [withoutLocales],
    metafile: true,
    logLevel: 'warning',
  });
  chmodSync(outfile, 0o755);
  writeFileSync(join(root, 'dist/meta.json'), JSON.stringify(metafile));
}

function compileLibrary() {
  // What an earlier build left behind must not be published.
  for (const folder of ['dist/lib', 'dist/stacks', 'dist/examples'])
    rmSync(join(root, folder), { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
}

try {
  await bundle();
  if (!process.argv.includes('--bundle')) compileLibrary();
} catch (error) {
  // esbuild and tsc have printed what is wrong, with the place.
  console.error(`build failed: ${error.message.split('\n')[0]}`);
  process.exitCode = 1;
}
