import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import { tempoBucketUrl } from '../../../lib/contract/tempo-storage-config';
import { forEachConcurrently } from '../../streams/concurrency';
import { listBlock } from '../../tempo/bucket/bucket-scan';
import type { PlannedFolder } from '../../tempo/target/target-folder';
import type { CommandContext } from '../context';
import type { RestorePlan } from './restore-plan';

const LISTS_AT_ONCE = 8;

/** Without WAL blocks that Tempo's bucket has as blocks: Tempo would replay them, and write them over those. */
export async function withoutWalInBucket(
  context: CommandContext,
  { target }: RestoreOptions,
  plan: RestorePlan,
): Promise<RestorePlan> {
  const { storage } = context.config.tempo;
  if (target !== undefined || storage.backend !== 's3') return plan;
  const bucket = context.openBucket(tempoBucketUrl(storage));
  try {
    const known = new Set<PlannedFolder>();
    const look = async (folder: PlannedFolder): Promise<void> => {
      const files = await listBlock(bucket, folder.tenant, folder.id, context.signal);
      if (files.has('meta.json') || files.has('meta.compacted.json')) known.add(folder);
    };
    const wal = plan.folders.filter(({ kind }) => kind !== 'block');
    await forEachConcurrently(wal, LISTS_AT_ONCE, look, context.signal);
    if (known.size > 0)
      context.log.info(`${known.size} of ${wal.length} WAL blocks are left out, as '${bucket.url}' has them as blocks`);
    return { ...plan, folders: plan.folders.filter((folder) => !known.has(folder)) };
  } finally {
    await bucket.close();
  }
}
