import { randomUUID } from 'node:crypto';
import { FORMAT_VERSION, type RepositoryIdentity, repositorySchema } from '../../lib/contract/manifest';
import { POINTS_PREFIX, REPOSITORY_KEY } from '../../lib/contract/repository-layout';
import { IntegrityError, ObjectMissingError, RepositoryMissingError } from '../errors';
import { bytesInMemory, type Storage } from '../storage/storage';
import { readDocument } from './documents';
import { probeServer } from './probe';

const SIZE_LIMIT = 64 * 1024;

export interface IdentityOptions {
  /** Whether a repository is created where there is nothing. */
  readonly create: boolean;
  readonly now: () => Date;
}

/** Reads repository.json, or creates it where nothing was ever backed up. */
export async function openIdentity(storage: Storage, options: IdentityOptions): Promise<RepositoryIdentity> {
  return (await readIdentity(storage)) ?? createIdentity(storage, options);
}

async function readIdentity(storage: Storage): Promise<RepositoryIdentity | undefined> {
  try {
    const bytes = await storage.get(REPOSITORY_KEY, SIZE_LIMIT);
    return readDocument(repositorySchema, REPOSITORY_KEY, bytes.toString('utf8'));
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    throw error;
  }
}

async function createIdentity(storage: Storage, { create, now }: IdentityOptions): Promise<RepositoryIdentity> {
  for await (const { key } of storage.list(POINTS_PREFIX)) {
    throw new IntegrityError(
      `open repository '${storage.url}': ${REPOSITORY_KEY} is missing though points exist; bring it back from a replica or an object version`,
      { found: key },
    );
  }
  if (!create) {
    throw new RepositoryMissingError(
      `open repository '${storage.url}': there is none; check the URL, or let 'backup' create it with 'repository.create: true'`,
    );
  }
  if (storage.isServer) await probeServer(storage);
  const identity: RepositoryIdentity = { format: FORMAT_VERSION, id: randomUUID(), createdAt: now().toISOString() };
  await storage.put(REPOSITORY_KEY, bytesInMemory(Buffer.from(`${JSON.stringify(identity)}\n`)));
  await storage.sync();
  // Whoever came first is right: both runners of a race end up with the identity that lies there.
  const agreed = await readIdentity(storage);
  if (!agreed)
    throw new RepositoryMissingError(
      `open repository '${storage.url}': ${REPOSITORY_KEY} vanished after it was created`,
    );
  return agreed;
}
