import type { VersionedBucket } from '../../storage/bucket';
import { forEachConcurrently } from '../../streams/concurrency';
import type { RewindPlan, RewoundBlock } from './rewind-plan';

const BLOCKS_AT_ONCE = 8;

export interface RewindOptions {
  readonly signal: AbortSignal;
  readonly onBlock: () => void;
}

export interface Rewound {
  readonly copied: number;
  readonly hidden: number;
  readonly bytes: number;
}

/**
 * Carries the plan out, by copies that the server makes and by delete markers. First all that comes back, then what goes: killed in between, a
 * Tempo has traces twice rather than not at all, and another run does what is left.
 */
export async function rewindBucket(
  bucket: VersionedBucket,
  plan: Pick<RewindPlan, 'comeBack' | 'vanish'>,
  { signal, onBlock }: RewindOptions,
): Promise<Rewound> {
  const done = { copied: 0, hidden: 0, bytes: 0 };
  for (const blocks of [plan.comeBack, plan.vanish]) {
    const carryOut = async (block: RewoundBlock): Promise<void> => {
      await rewindBlock(bucket, block, { signal, done });
      onBlock();
    };
    await forEachConcurrently<RewoundBlock>(blocks, BLOCKS_AT_ONCE, carryOut, signal);
  }
  return done;
}

/** The meta.json last, as that is what makes Tempo see the block. */
async function rewindBlock(
  bucket: VersionedBucket,
  { copies, hidden, meta }: RewoundBlock,
  { signal, done }: { readonly signal: AbortSignal; readonly done: { copied: number; hidden: number; bytes: number } },
): Promise<void> {
  const bringBack = async (version: (typeof copies)[number]): Promise<void> => {
    signal.throwIfAborted();
    await bucket.bringBack(version);
    done.copied++;
    done.bytes += version.content?.size ?? 0;
  };
  for (const version of copies) await bringBack(version);
  for (const key of hidden) {
    signal.throwIfAborted();
    await bucket.hide(key);
    done.hidden++;
  }
  if (meta) await bringBack(meta);
}
