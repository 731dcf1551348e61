import { randomUUID } from 'node:crypto';
import { PROBES_PREFIX } from '../../lib/contract/repository-layout';
import { UsageError } from '../errors';
import { bytesInMemory, type Storage } from '../storage/storage';

const LIMIT = 1024;

/**
 * Tries what every backup relies on, before the first one trusts a server: that an object comes back as it was sent, and that one is never
 * overwritten, neither by a whole object nor by one that is sent in parts: there are servers that honour the condition for the first alone.
 * The probe stays, as a writer can't delete.
 */
export async function probeServer(storage: Storage): Promise<void> {
  const key = `${PROBES_PREFIX}${randomUUID()}`;
  const first = probe('first');
  await storage.put(key, bytesInMemory(first));
  const sent = await storage.get(key, LIMIT);
  if (!sent.equals(first)) {
    throw new UsageError(
      `trust '${storage.url}': it keeps other bytes than it is sent (${sent.length} instead of ${first.length}), so nothing would come back whole; use another server or version`,
      { key },
    );
  }
  await tryToOverwrite(storage, { key, first }, { inParts: false, what: 'objects' });
  await tryToOverwrite(storage, { key, first }, { inParts: true, what: 'objects by ones that are sent in parts' });
}

async function tryToOverwrite(
  storage: Storage,
  { key, first }: { readonly key: string; readonly first: Buffer },
  { inParts, what }: { readonly inParts: boolean; readonly what: string },
): Promise<void> {
  const { created } = await storage.put(key, bytesInMemory(probe('second')), { inParts });
  if (!created && (await storage.get(key)).equals(first)) return;
  throw new UsageError(
    `trust '${storage.url}': it ignores 'If-None-Match: *' and overwrites ${what}, so two backups at once could break each other's recovery points; use a server that honours conditional writes`,
    { key },
  );
}

function probe(word: string): Buffer {
  return Buffer.from(`the ${word} probe of tempo-backup ${randomUUID()}\n`);
}
