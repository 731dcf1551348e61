// A Tempo whose blocks lie in a bucket: the server copies them by itself, for tempo-backup as for its peers.
import { setTimeout as sleep } from 'node:timers/promises';
import { compete, contenders, fresh, runAll } from './contest.mjs';
import { tinyTree } from './generate-tree.mjs';
import { against, judge, OURS, peakTarget } from './targets.mjs';

const PEERS = ['mc', 'rclone'];
const REQUEST_LIMIT = 3;
/** How many times as fast as the fastest peer a run with nothing new is. */
const FASTER = 5;

/** Blocks so small that requests are what counts, in a prefix that plays the role of Tempo's. */
async function prepareSource(bench, blocks) {
  const tree = bench.tree(`tiny-bucket-${blocks}`, (root) => tinyTree(root, bench.quick ? 300 : blocks));
  tree.writeTenantIndexes();
  const source = bench.bucket.destination('source');
  const [, uploader] = contenders({ ...bench, bucket: { destination: () => source } }, 's3', tree, PEERS);
  if (!uploader) throw new Error('blocks in a bucket need mc or rclone, which bring them there');
  await source.clear();
  await runAll(uploader, uploader.backup(tree));
  // Files that are younger than their meta.json may belong to a block that is being written.
  await sleep(11_000);
  const { endpoint, region } = source.s3;
  const storage = { backend: 's3', bucket: source.bucket, prefix: source.prefix, endpoint, region };
  const list = contenders(bench, 's3', { ...tree, storage }, PEERS);
  const copy = (contender) =>
    runAll(contender, contender.name === OURS ? contender.backup(tree) : contender.mirror(source));
  return { tree, list, copy };
}

/** The first copy: every object is copied. */
export async function firstCopy(bench) {
  const { tree, list, copy } = await prepareSource(bench, 2000);
  const { rows, notes } = await compete(bench, list, {
    prepare: (contender) => fresh(contender, bench),
    attempt: copy,
    check: (contender, { result }) => {
      if (contender.name === OURS && result.bytes.copied === 0) throw new Error('the server copied nothing');
    },
  });
  return {
    title: `first copy within S3: ${tree.blocks.length} blocks, ${tree.files} files`,
    rows,
    notes,
    targets: [...against(rows, PEERS, 1), ...peakTarget(rows)],
  };
}

/** The copy after the first one, with nothing new. */
export async function nothingNewInBucket(bench) {
  const { tree, list, copy } = await prepareSource(bench, 10_000);
  const { rows, notes } = await compete(bench, list, {
    prepare: async (contender, turn) => {
      if (turn > 0) return;
      await fresh(contender, bench);
      await copy(contender);
    },
    attempt: copy,
  });
  const { list: lists = 0, ...others } = rows.find((row) => row.name === OURS).requests;
  const requests = Object.values(others).reduce((total, count) => total + count, 0);
  return {
    title: `nothing new within S3: ${tree.blocks.length} blocks, ${tree.files} files`,
    rows,
    notes,
    targets: [
      ...against(rows, PEERS, 1 / FASTER),
      judge(`requests besides ${lists} lists`, requests, REQUEST_LIMIT),
      ...peakTarget(rows),
    ],
  };
}
