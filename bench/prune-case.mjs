// Half of the blocks are gone from the source and only an expired recovery point still names them.
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { compete, contenders, fresh, runAll } from './contest.mjs';
import { mixedTree } from './generate-tree.mjs';
import { sum } from './measure.mjs';
import { bytesBelow, expectWhole, filesBelow } from './scratch.mjs';
import { mebibytes } from './table.mjs';
import { against, judge, OURS, peakTarget } from './targets.mjs';
import { RETENTION_HOURS } from './tempo-backup.mjs';

const BLOCKS_FOLDER = 'blocks';

export async function pruneCase(bench) {
  const tree = bench.tree('aged', (root) => mixedTree(root, bench.quick ? 0.05 : 1, { oldHours: RETENTION_HOURS * 2 }));
  const { rows, notes, results } = await compete(bench, contenders(bench, 'disk', tree, ['restic', 'kopia']), {
    prepare: (contender) => leaveGarbage(contender, bench, tree),
    attempt: (contender) => (contender.graceForPrune ? pruneInTwoPhases(contender) : prune(contender)),
    check: (contender) => contender.name === OURS && expectHalf(contender, tree),
  });
  const ours = [...results.keys()].find((contender) => contender.name === OURS);
  const rewritten = bytesWrittenSince(results.get(ours).at(-1).startedAt, ours.to.path);
  const targets = [
    ...against(rows, ['kopia'], 0.7),
    judge('bytes of blocks rewritten', rewritten, 0, mebibytes),
    ...peakTarget(rows),
  ];
  return {
    title: `prune: ${Math.floor(tree.blocks.length / 2)} of ${tree.blocks.length} blocks go`,
    rows,
    notes,
    targets,
  };
}

async function leaveGarbage(contender, bench, tree) {
  await fresh(contender, bench);
  await runAll(contender, contender.backup(tree));
  const hidden = hideOldBlocks(tree);
  try {
    await runAll(contender, contender.backup(tree));
  } finally {
    for (const [from, to] of hidden) renameSync(to, from);
  }
  if (!contender.graceForPrune) return;
  // An expired recovery point stays until a newer one is verified.
  await runAll(contender, contender.verify(tree));
  await contender.graceForPrune();
}

async function prune(contender) {
  return runAll(contender, await contender.prune());
}

/** Condemn and delete, as two runs; the wait between them isn't work. */
async function pruneInTwoPhases(contender) {
  const startedAt = Date.now();
  const condemned = await prune(contender);
  await contender.graceForPrune();
  return { ...sum([condemned, await prune(contender)]), startedAt };
}

function hideOldBlocks(tree) {
  const aside = join(tree.root, 'aside');
  mkdirSync(aside, { recursive: true });
  const old = tree.blocks.filter((block) => block.ageHours > RETENTION_HOURS);
  return old.map(({ folder, id }) => {
    renameSync(folder, join(aside, id));
    return [folder, join(aside, id)];
  });
}

/** Everything that is left is what the newest recovery point names, and all of that is there. */
function expectHalf(contender, tree) {
  const left = tree.blocks.filter((block) => block.ageHours <= RETENTION_HOURS);
  const bytes = left.reduce((total, block) => total + bytesBelow(block.folder), 0);
  expectWhole(join(contender.to.path, BLOCKS_FOLDER), { files: left.length * 4, bytes });
}

function bytesWrittenSince(time, repository) {
  const files = filesBelow(join(repository, BLOCKS_FOLDER)).map((path) => statSync(path));
  return files.filter(({ mtimeMs }) => mtimeMs >= time).reduce((total, { size }) => total + size, 0);
}
