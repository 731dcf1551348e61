// `npm run bench`: what a backup costs, beside what the machine needs for it and what other programs take. CONTRIBUTING.md says how to read it.
import { existsSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cases } from './cases.mjs';
import { folderDestination, openBucket, s3FromEnvironment } from './destinations.mjs';
import { findPeers, peers } from './peers.mjs';
import { empty, makeScratch } from './scratch.mjs';
import { printCase } from './table.mjs';

const ROOM = { full: 14e9, quick: 2e9 };
const USAGE = `npm run bench -- [--only PATTERN] [--quick] [--runs N] [--json FILE]
  cases: ${cases.map(({ name }) => name).join(' ')}
  BENCH_DIR: where to work; TEST_S3_ENDPOINT, TEST_S3_ACCESS_KEY, TEST_S3_SECRET_KEY: server of the S3 cases;
  RCLONE, RESTIC, KOPIA, MC: paths of programs that aren't on PATH`;

function options() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      runs: { type: 'string', default: '3' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`'--runs' must be a number from 1, got '${values.runs}'`);
  return { ...values, runs, only: new RegExp(values.only) };
}

/** What every case works with. Trees are made once and shared by the cases that ask for them by the same name. */
async function prepare({ quick, runs }) {
  const scratch = makeScratch(quick ? ROOM.quick : ROOM.full);
  const s3 = s3FromEnvironment();
  const trees = new Map();
  return {
    scratch,
    quick,
    runs,
    peers: findPeers(),
    bucket: s3 && (await openBucket(s3)),
    folder: (name) => folderDestination(scratch, name),
    tree(name, make) {
      if (!trees.has(name)) trees.set(name, make(join(scratch, `source-${name}`)));
      return trees.get(name);
    },
  };
}

function announce(bench) {
  if (bench.quick)
    console.log('quick: starting the programs takes longer than their work here, so judge nothing by the times');
  const missing = Object.keys(peers).filter((name) => bench.peers[name] === undefined);
  console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, working in ${bench.scratch}`);
  if (missing.length) console.log(`not found, left out: ${missing.join(', ')}`);
  if (!bench.bucket)
    console.log('S3 cases skipped: TEST_S3_ENDPOINT, TEST_S3_ACCESS_KEY, TEST_S3_SECRET_KEY are not set');
}

async function runCases(bench, chosen) {
  const outcomes = [];
  for (const { name, run } of chosen) {
    try {
      const outcome = await run(bench);
      printCase(outcome);
      outcomes.push({ name, ...outcome });
    } catch (error) {
      console.log(`\n${name}\n  FAILED: ${error.message}`);
      outcomes.push({ name, failed: error.message, targets: [] });
    }
    // What the next case doesn't need would fill the disk, and a server in memory the memory.
    empty(join(bench.scratch, 'repositories'));
    await bench.bucket?.clear();
  }
  return outcomes;
}

function conclude(outcomes, json) {
  const targets = outcomes.flatMap((outcome) => outcome.targets);
  const failed = outcomes.filter((outcome) => outcome.failed !== undefined);
  if (json) writeFileSync(json, `${JSON.stringify(outcomes, null, 2)}\n`);
  console.log(
    `\n${targets.filter(({ met }) => met).length} of ${targets.length} targets met, ${failed.length} of ${outcomes.length} cases failed`,
  );
  if (failed.length) process.exitCode = 1;
}

async function main() {
  const chosen = options();
  if (chosen.help) return console.log(USAGE);
  const bench = await prepare(chosen);
  const interrupted = async () => {
    empty(bench.scratch);
    await bench.bucket?.remove();
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    announce(bench);
    const wanted = cases.filter(({ name, kind }) => chosen.only.test(name) && (kind === 'disk' || bench.bucket));
    conclude(await runCases(bench, wanted), chosen.json);
  } finally {
    await bench.bucket?.remove();
    if (existsSync(bench.scratch)) empty(bench.scratch);
  }
}

main().catch((error) => {
  console.error(`bench: ${error.message}\n${USAGE}`);
  process.exitCode = 1;
});
