// A backup is killed by SIGKILL when half of the bytes are there, then run again: what does the second run send?
import { statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { compete, contenders, fresh } from './contest.mjs';
import { mixedTree } from './generate-tree.mjs';
import { run, sum } from './measure.mjs';
import { filesBelow } from './scratch.mjs';
import { mebibytes } from './table.mjs';
import { judge, OURS } from './targets.mjs';

const MIB = 1024 * 1024;

export async function killedCase(bench) {
  // Large enough also when quick that there is time to kill.
  const tree = bench.tree(bench.quick ? 'mixed-fifth' : 'mixed', (root) => mixedTree(root, bench.quick ? 0.2 : 1));
  const missing = [];
  const { rows, notes } = await compete(bench, contenders(bench, 'disk', tree, ['restic', 'kopia']), {
    prepare: async (contender) => {
      await fresh(contender, bench);
      await killHalfway(contender, tree);
      if (contender.name === OURS) missing.push(missingBytes(contender, tree));
    },
    attempt: (contender) => rerun(contender, tree),
    check: (contender, { bytes }) => contender.name === OURS && missing.push(bytes - missing.pop()),
  });
  const surplus = Math.max(...missing);
  const targets = [judge('bytes sent beyond what was missing', surplus, MIB, mebibytes)];
  const title = `run again after kill -9 halfway: ${mebibytes(tree.bytes)}; of the others, 'bytes' is the growth of the repository`;
  return { title, rows, notes, targets };
}

async function killHalfway(contender, tree) {
  const [[program, args]] = contender.backup(tree);
  const killWhen = () => contender.to.bytes() > tree.bytes / 2;
  const { signal } = await run(program, args, { env: contender.env, killWhen });
  if (signal !== 'SIGKILL') throw new Error(`${contender.name} was done before it could be killed`);
}

async function rerun(contender, tree) {
  const before = contender.to.bytes();
  const runs = [];
  for (const [program, args] of [...(contender.recover?.() ?? []), ...contender.backup(tree)]) {
    runs.push(await run(program, args, { env: contender.env }));
  }
  return { ...sum(runs), bytes: contender.to.bytes() - before };
}

/** Bytes of the source's files that don't lie whole in the repository yet. */
function missingBytes(contender, tree) {
  return filesBelow(tree.traces).reduce((total, path) => {
    const { size } = statSync(path);
    const stored = statSync(join(contender.to.path, 'blocks', relative(tree.traces, path)), { throwIfNoEntry: false });
    return stored?.size === size ? total : total + size;
  }, 0);
}
