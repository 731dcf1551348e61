// Runs contenders in turn (A B C, A B C, …), so that what else the machine does hits all alike.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, sum } from './measure.mjs';
import { peers } from './peers.mjs';
import { empty, expectWhole } from './scratch.mjs';
import { summarize } from './table.mjs';
import { OURS } from './targets.mjs';
import { resultOf, tempoBackup } from './tempo-backup.mjs';

/** tempo-backup and the peers that are installed, each with a destination of its own. */
export function contenders(bench, kind, tree, names = Object.keys(peers)) {
  const destination = (name) => (kind === 'disk' ? bench.folder(name) : bench.bucket.destination(name));
  const ours = destination(OURS);
  const list = [{ name: OURS, to: ours, ...tempoBackup(ours, bench.scratch, tree) }];
  for (const name of names.filter((each) => bench.peers[each] !== undefined)) {
    const to = destination(name);
    const peer = peers[name](bench.peers[name], to, bench.scratch);
    if (peer) list.push({ name, to, ...peer });
  }
  return list;
}

/** Runs commands one after the other and adds up what they took. */
export async function runAll(contender, commands) {
  const runs = [];
  for (const [program, args] of await commands) runs.push(await run(program, args, { env: contender.env }));
  return runs.length ? sum(runs) : undefined;
}

/** Empties the destination and makes the repository; not timed. */
export async function fresh(contender, bench) {
  empty(join(bench.scratch, `restic-${contender.to.kind}`));
  empty(join(bench.scratch, `kopia-cache-${contender.to.kind}-${contender.to.name}`));
  await contender.to.clear();
  await runAll(contender, contender.init());
}

/**
 * `prepare` is called before each timed `attempt`, `check` after it. A peer that fails is left out from then on, said in a note;
 * tempo-backup must not fail.
 */
export async function compete(bench, list, { prepare, attempt, check, runs = bench.runs }) {
  const done = new Map(list.map((contender) => [contender, []]));
  const notes = [];
  for (let turn = 0; turn < runs; turn++) {
    for (const contender of [...done.keys()]) {
      try {
        await prepare?.(contender, turn);
        const measured = await attempt(contender);
        done.get(contender).push(contender.name === OURS ? { ...measured, ...resultOf(measured) } : measured);
        await check?.(contender, done.get(contender).at(-1));
      } catch (error) {
        if (contender.name === OURS) throw error;
        done.delete(contender);
        notes.push(`${contender.name} failed: ${error.message.split('\n').at(-1).trim()}`);
      }
    }
  }
  return { rows: [...done].map(([{ name }, measured]) => summarize(name, measured)), notes, results: done };
}

/** A contender that only copies, as a floor: nothing to set up, nothing to read from its output. */
export function floor(name, { copy }, bench) {
  const to = bench.folder(`floor-${name.replaceAll(/\W/g, '')}`);
  const command = (from, target) => {
    mkdirSync(target, { recursive: true });
    return [copy(from, target)];
  };
  return {
    name,
    to,
    env: {},
    init: () => [],
    backup: (tree) => command(tree.traces, to.path),
    restore: (target) => command(to.path, target),
  };
}

export function checkRestored(contender, target, tree) {
  expectWhole(contender.restoredTo?.(target) ?? target, tree);
}
