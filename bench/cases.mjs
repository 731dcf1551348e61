// What is measured: each case runs its contenders and judges tempo-backup against its targets.
import { join } from 'node:path';
import { firstCopy, nothingNewInBucket } from './bucket-case.mjs';
import { checkRestored, compete, contenders, floor, fresh, runAll } from './contest.mjs';
import { floors } from './floors.mjs';
import { hugeTree, mixedTree, tinyTree } from './generate-tree.mjs';
import { killedCase } from './killed-case.mjs';
import { pruneCase } from './prune-case.mjs';
import { empty } from './scratch.mjs';
import { mebibytes, summarize } from './table.mjs';
import { against, judge, OURS, peakTarget } from './targets.mjs';

const MIB = 1024 * 1024;
const REQUEST_LIMIT = 3;
const PLACE = { disk: 'disk', s3: 'S3' };

function expect(found, expected, what) {
  if (found !== expected) throw new Error(`${what}: found ${found}, expected ${expected}`);
}

async function full(bench, kind) {
  const tree = bench.tree('mixed', (root) => mixedTree(root, bench.quick ? 0.05 : 1));
  const list = contenders(bench, kind, tree);
  if (kind === 'disk') list.push(...Object.entries(floors).map(([name, each]) => floor(name, each, bench)));
  const { rows, notes } = await compete(bench, list, {
    prepare: (contender) => fresh(contender, bench),
    attempt: (contender) => runAll(contender, contender.backup(tree)),
    check: (contender, run) =>
      contender.name === OURS && expect(run.result.blocks.new, tree.blocks.length, 'new blocks'),
  });
  const title = `full backup to ${PLACE[kind]}: ${tree.blocks.length} blocks, ${mebibytes(tree.bytes)}`;
  const rivals =
    kind === 'disk'
      ? [...against(rows, ['node copy+hash'], 1.15), ...against(rows, ['rclone'], 1)]
      : against(rows, ['rclone'], 1);
  return { title, rows, notes, targets: [...rivals, ...peakTarget(rows)] };
}

async function nothingNew(bench, kind) {
  const tree = bench.tree('tiny', (root) => tinyTree(root, bench.quick ? 500 : 20_000));
  const list = contenders(bench, kind, tree, ['rclone', 'restic', 'kopia']);
  const { rows, notes } = await compete(bench, list, {
    prepare: async (contender, turn) => {
      if (turn > 0) return;
      await fresh(contender, bench);
      await runAll(contender, contender.backup(tree));
    },
    attempt: (contender) => runAll(contender, contender.backup(tree)),
    check: (contender, run) => contender.name === OURS && expect(run.result.blocks.new, 0, 'new blocks'),
  });
  const { list: lists = 0, ...others } = rows.find((row) => row.name === OURS).requests;
  const requests = Object.values(others).reduce((total, count) => total + count, 0);
  const targets = [
    ...against(rows, ['restic', 'kopia'], 0.5),
    judge(`requests besides ${lists} lists`, requests, REQUEST_LIMIT),
    ...peakTarget(rows),
  ];
  return {
    title: `nothing new, ${PLACE[kind]}: ${tree.blocks.length} blocks, ${tree.files} files`,
    rows,
    notes,
    targets,
  };
}

async function restore(bench, kind) {
  const tree = bench.tree('mixed', (root) => mixedTree(root, bench.quick ? 0.05 : 1));
  const target = join(bench.scratch, 'restored');
  const list = contenders(bench, kind, tree);
  if (kind === 'disk') list.push(floor('cp -a', { copy: (from, to) => ['cp', ['-a', `${from}/.`, to]] }, bench));
  const { rows, notes } = await compete(bench, list, {
    prepare: async (contender, turn) => {
      empty(target);
      if (turn > 0) return;
      await fresh(contender, bench);
      await runAll(contender, contender.backup(tree));
    },
    attempt: async (contender) => runAll(contender, await contender.restore(target)),
    check: (contender) => checkRestored(contender, target, tree),
  });
  empty(target);
  const targets = [...against(rows, ['rclone'], 1), ...peakTarget(rows)];
  return {
    title: `restore from ${PLACE[kind]}: ${tree.blocks.length} blocks, ${mebibytes(tree.bytes)}`,
    rows,
    notes,
    targets,
  };
}

const HASHING = 'rclone hashsum';

/** The same copy, hashed instead of compared with the originals. */
function hashing(contender) {
  const to = { ...contender.to, clear: async () => undefined };
  return { ...contender, name: HASHING, to, init: () => [], backup: () => [], verify: contender.hash };
}

async function verify(bench, kind) {
  const tree = bench.tree('mixed', (root) => mixedTree(root, bench.quick ? 0.05 : 1));
  const list = contenders(bench, kind, tree).filter((contender) => contender.verify);
  list.push(...list.filter((contender) => contender.hash).map(hashing));
  const { rows, notes } = await compete(bench, list, {
    prepare: async (contender, turn) => {
      if (turn > 0) return;
      await fresh(contender, bench);
      await runAll(contender, contender.backup(tree));
    },
    attempt: (contender) => runAll(contender, contender.verify(tree)),
    check: (contender, run) => contender.name === OURS && expect(run.bytes >= tree.bytes, true, 'every byte read'),
  });
  const targets = [...against(rows, [HASHING], 1), ...peakTarget(rows)];
  return { title: `verify every byte in ${PLACE[kind]}: ${mebibytes(tree.bytes)}`, rows, notes, targets };
}

/** One block larger than memory limits: only tempo-backup, only its memory. */
async function hugeBlock(bench, kind) {
  const tree = bench.tree('huge', (root) => hugeTree(root, (bench.quick ? 256 : 5 * 1024) * MIB));
  const target = join(bench.scratch, 'restored');
  empty(target);
  const [ours] = contenders(bench, kind, tree, []);
  await fresh(ours, bench);
  const rows = [];
  for (const [name, commands] of [
    ['backup', ours.backup(tree)],
    ['verify full', ours.verify(tree)],
    ['restore', ours.restore(target)],
  ]) {
    rows.push(summarize(name, [await runAll(ours, commands)]));
  }
  checkRestored(ours, target, tree);
  empty(target);
  await ours.to.clear();
  const targets = rows.flatMap((row) =>
    peakTarget([{ ...row, name: OURS }]).map((each) => ({ ...each, line: `${each.line} in ${row.name}` })),
  );
  return { title: `one block of ${mebibytes(tree.bytes)}, ${PLACE[kind]}`, rows, notes: [], targets };
}

const onBoth = (name, measure) =>
  ['disk', 's3'].map((kind) => ({ name: `${name}-${kind}`, kind, run: (bench) => measure(bench, kind) }));

export const cases = [
  ...onBoth('full', full),
  ...onBoth('nothing-new', nothingNew),
  ...onBoth('restore', restore),
  ...onBoth('verify', verify),
  { name: 'first-copy-bucket', kind: 's3', run: firstCopy },
  { name: 'nothing-new-bucket', kind: 's3', run: nothingNewInBucket },
  { name: 'prune-disk', kind: 'disk', run: pruneCase },
  { name: 'killed-disk', kind: 'disk', run: killedCase },
  ...onBoth('huge', hugeBlock),
];
