// A day in the life of a repository: what was condemned before goes, and what expired since is condemned.
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { compete, contenders, fresh, runAll } from './contest.mjs';
import { mixedTree } from './generate-tree.mjs';
import { bytesBelow, expectWhole, filesBelow } from './scratch.mjs';
import { mebibytes } from './table.mjs';
import { against, judge, OURS, peakTarget } from './targets.mjs';
import { RETENTION_HOURS } from './tempo-backup.mjs';

const BLOCKS_FOLDER = 'blocks';

export async function pruneCase(bench) {
  const tree = bench.tree('aged', (root) => mixedTree(root, bench.quick ? 0.05 : 1, { oldHours: RETENTION_HOURS * 2 }));
  const [first, second] = generations(tree);
  const { rows, notes, results } = await compete(bench, contenders(bench, 'disk', tree, ['restic', 'kopia']), {
    prepare: (contender) => leaveGarbage(contender, { bench, tree, first, second }),
    attempt: (contender) => prune(contender),
    check: (contender) => contender.name === OURS && expectGone(contender, tree, first),
  });
  const ours = [...results.keys()].find((contender) => contender.name === OURS);
  const targets = [
    ...against(rows, ['kopia'], 0.7),
    judge('bytes of blocks rewritten', results.get(ours).at(-1).rewritten, 0, mebibytes),
    ...peakTarget(rows),
  ];
  return {
    title: `prune: ${first.length} of ${tree.blocks.length} blocks go, ${second.length} are next`,
    rows,
    notes,
    targets,
  };
}

/** Old blocks in two halves, which vanish from the source one after the other. */
function generations(tree) {
  const old = tree.blocks.filter((block) => block.ageHours > RETENTION_HOURS);
  const middle = Math.floor(old.length / 2);
  return [old.slice(0, middle), old.slice(middle)];
}

/** Three recovery points; the first one is condemned where that takes a run of its own, the second one has just expired. */
async function leaveGarbage(contender, { bench, tree, first, second }) {
  await fresh(contender, bench);
  await runAll(contender, contender.backup(tree));
  const hidden = hide(first, tree);
  try {
    await runAll(contender, contender.backup(tree, 'kept'));
    hidden.push(...hide(second, tree));
    await runAll(contender, contender.backup(tree));
  } finally {
    for (const [from, to] of hidden) renameSync(to, from);
  }
  if (!contender.letGracePass) return;
  // An expired recovery point stays until a newer one is verified.
  await runAll(contender, contender.verify(tree));
  contender.letGracePass();
  await runAll(contender, contender.prune());
  contender.letGracePass();
}

async function prune(contender) {
  const startedAt = Date.now();
  const measured = await runAll(contender, await contender.prune());
  return { ...measured, rewritten: contender.name === OURS ? bytesWrittenSince(startedAt, contender.to.path) : 0 };
}

function hide(blocks, tree) {
  const aside = join(tree.root, 'aside');
  mkdirSync(aside, { recursive: true });
  return blocks.map(({ folder, id }) => {
    renameSync(folder, join(aside, id));
    return [folder, join(aside, id)];
  });
}

/** Everything but the first generation is left, whole. */
function expectGone(contender, tree, gone) {
  const left = tree.blocks.filter((block) => !gone.includes(block));
  const bytes = left.reduce((total, block) => total + bytesBelow(block.folder), 0);
  expectWhole(join(contender.to.path, BLOCKS_FOLDER), { files: left.length * 4, bytes });
}

function bytesWrittenSince(time, repository) {
  const files = filesBelow(join(repository, BLOCKS_FOLDER)).map((path) => statSync(path));
  return files.filter(({ mtimeMs }) => mtimeMs >= time).reduce((total, { size }) => total + size, 0);
}
