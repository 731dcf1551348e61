import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { openRecords } from './records';

const ROOT = join(__dirname, '../../../..');
const RUNNER = 'tempo-backup:e2e';
const TEMPO = 'tempo-backup-e2e-tempo:e2e';

/**
 * Before all suites: makes the images that they need, unless E2E_RUNNER_IMAGE and E2E_TEMPO_IMAGE name some. E2E_IMAGE_BUILD is a command
 * that is called with a name and a folder with a Dockerfile in it, builds it, and puts it where the cluster finds it.
 */
export default async function buildImages(): Promise<void> {
  const { KUBECONFIG, E2E_IMAGE_BUILD } = process.env;
  openRecords();
  if (!KUBECONFIG) return;
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--bundle'], { stdio: 'inherit' });
  if (!E2E_IMAGE_BUILD) return;
  if (!process.env.E2E_RUNNER_IMAGE) {
    buildImage(E2E_IMAGE_BUILD, RUNNER, ROOT);
    process.env.E2E_RUNNER_IMAGE = RUNNER;
  }
  if (!process.env.E2E_TEMPO_IMAGE) {
    await withTempoFolder((folder) => buildImage(E2E_IMAGE_BUILD, TEMPO, folder));
    process.env.E2E_TEMPO_IMAGE = TEMPO;
  }
}

function buildImage(command: string, name: string, folder: string): void {
  const began = Date.now();
  execFileSync('/bin/sh', ['-c', `${command} "$@"`, 'sh', name, folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  process.stdout.write(`image ${name}: ${((Date.now() - began) / 1000).toFixed(0)} s\n`);
}

/** The real Tempo when TEMPO_BIN, or TEMPO_3_BIN alone, names its program, else the double. */
async function withTempoFolder(use: (folder: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tempo-image-'));
  try {
    const { TEMPO_BIN, TEMPO_3_BIN } = process.env;
    const program = TEMPO_BIN ?? TEMPO_3_BIN;
    if (program === undefined) await bundleDouble(join(folder, 'tempo-double.js'));
    else {
      copyFileSync(program, join(folder, 'tempo'));
      process.env.E2E_TEMPO_VERSION = TEMPO_BIN === undefined ? '3.0' : '2.9';
      process.stdout.write(`suites in a cluster run against a real Tempo ${process.env.E2E_TEMPO_VERSION}\n`);
    }
    writeFileSync(join(folder, 'Dockerfile'), dockerfile(program === undefined ? 'tempo-double.js' : 'tempo'));
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function bundleDouble(outfile: string): Promise<void> {
  const entry = 'test/e2e/kubernetes/tempo-double/main.ts';
  await build({ absWorkingDir: ROOT, entryPoints: [entry], outfile, bundle: true, platform: 'node', target: 'node20' });
}

/** On top of the runner's image, which has all that both need: the user, Node, the C library, and no shell. */
function dockerfile(program: 'tempo' | 'tempo-double.js'): string {
  const entry = program === 'tempo' ? '["/tempo"]' : '["/usr/local/bin/node", "/tempo-double.js"]';
  return `FROM ${process.env.E2E_RUNNER_IMAGE ?? RUNNER}\nCOPY ${program} /\nENTRYPOINT ${entry}\nCMD []\n`;
}
