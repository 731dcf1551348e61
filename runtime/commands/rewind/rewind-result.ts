import type { RewindOptions } from '../../../lib/contract/command-line/commands';
import type { RewindResult } from '../../../lib/contract/results';
import type { VersionedBucket } from '../../storage/bucket';
import type { Rewound } from '../../tempo/bucket/rewind';
import type { RewindPlan, RewoundBlock } from '../../tempo/bucket/rewind-plan';
import { archivedResult } from './thaw-versions';

/** The result, as far as it follows from the plan and from what was done of it. */
export function resultOf(
  { comeBack, waiting, vanish, kept, unchanged, lost, archived }: RewindPlan,
  {
    to,
    bucket,
    options,
    done,
  }: {
    readonly to: Date;
    readonly bucket: VersionedBucket;
    readonly options: RewindOptions;
    readonly done: Rewound;
  },
): Omit<RewindResult, 'gates' | 'requests' | 'seconds'> {
  return {
    to: to.toISOString(),
    bucket: bucket.url,
    dryRun: options.dryRun,
    comeBack: comeBack.map((block) => ({
      tenant: block.tenant,
      id: block.id,
      bytes: bytesOf(block),
      objects: block.description.totalObjects,
      start: new Date(block.description.startTime).toISOString(),
      end: new Date(block.description.endTime).toISOString(),
    })),
    waiting: waiting.map(placeOf),
    vanish: vanish.map(placeOf),
    kept: kept.map(placeOf),
    unchanged,
    lost,
    archived: archivedResult(archived),
    objects: { copied: done.copied, hidden: done.hidden },
    bytes: { copied: done.bytes },
  };
}

function placeOf({ tenant, id }: RewoundBlock): { readonly tenant: string; readonly id: string } {
  return { tenant, id };
}

/** What the server copies of a block. */
export function bytesOf({ copies, meta }: RewoundBlock): number {
  return [...copies, ...(meta ? [meta] : [])].reduce((sum, { content }) => sum + (content?.size ?? 0), 0);
}
