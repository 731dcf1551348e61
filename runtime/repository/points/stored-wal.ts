import type { WalBlock } from '../../../lib/contract/manifest';
import { rewrittenPageKey, walPageKey } from '../../../lib/contract/repository-layout';
import { StorageError } from '../../errors';
import { forEachConcurrently } from '../../streams/concurrency';
import { digestOf } from '../../streams/digest';
import type { FileToStore, WalBlockToStore } from './block-to-store';
import type { Placement } from './placement';

const PAGES_AT_ONCE = 4;

export interface WalContext {
  readonly placement: Placement;
  readonly previous: WalBlock | undefined;
  readonly salt: string;
  /** Whether the object under the key is damaged: then the key isn't used. */
  readonly isDamaged: (key: string) => boolean;
}

type Page = WalBlock['pages'][number];

/** Stores the closed pages of a WAL block that the previous point doesn't name. A closed page never changes. */
export async function storeWalBlock(block: WalBlockToStore, context: WalContext): Promise<WalBlock> {
  const known = new Map(context.previous?.pages.map((page) => [page.name, page]));
  const pages = new Map<string, Page>();
  await forEachConcurrently(block.pages, PAGES_AT_ONCE, async (file) => {
    const page = known.get(file.name);
    pages.set(file.name, page?.size === file.source.size ? page : await storePage(block, file, context));
  });
  const { id, tenant, encoding, meta } = block;
  return { id, tenant, encoding, meta, pages: block.pages.flatMap(({ name }) => pages.get(name) ?? []) };
}

async function storePage(
  block: WalBlockToStore,
  { name, source }: FileToStore,
  { placement, previous, salt, isDamaged }: WalContext,
): Promise<Page> {
  const salted = digestOf(Buffer.from(`${salt} ${source.size}`));
  for (const key of [walPageKey(block, name), rewrittenPageKey(block, name, salted)]) {
    if (isDamaged(key)) continue;
    const named = previous?.pages.find((page) => page.key === key);
    const placed = await placement.place(key, source, { named, probe: true });
    if (placed) return { name, key, size: placed.size, sha256: placed.sha256 };
  }
  throw new StorageError(
    `store WAL page '${name}' of block '${block.id}': all its places are taken by other bytes; run the backup again`,
  );
}
