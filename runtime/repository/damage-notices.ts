import { z } from 'zod';
import { DocumentError, FORMAT_VERSION } from '../../lib/contract/manifest';
import {
  BLOCKS_PREFIX,
  CONFIG_PREFIX,
  damageNoticeKey,
  INDEXES_PREFIX,
  REWRITTEN_PREFIX,
  timedId,
  WAL_PREFIX,
} from '../../lib/contract/repository-layout';
import { StorageError, UsageError } from '../errors';
import { bytesInMemory } from '../storage/storage';
import { readDocument } from './documents';
import type { NoticeEntry } from './points/point-order';
import { isDamage, type Repository } from './repository';

const MIB = 1024 * 1024;
const NOTICE_LIMIT = 4 * MIB;
const KEYS_IN_NOTICE = 10_000;
const NOTICES_READ = 64;
const ATTEMPTS = 16;

const NOTICEABLE = new RegExp(
  `^(${[BLOCKS_PREFIX, REWRITTEN_PREFIX, WAL_PREFIX, CONFIG_PREFIX, INDEXES_PREFIX].join('|')})[^/]+(/[^/]+)*$`,
);

const noticeSchema = z.object({
  format: z.literal(FORMAT_VERSION),
  repository: z.uuid(),
  keys: z.array(z.string().max(1024)).max(KEYS_IN_NOTICE),
});

/**
 * What `verify` found damaged or missing: folders of blocks, and keys of WAL pages, indexes and configuration files. A backup takes none of
 * it for stored and uses none of these keys, so the next point is sound again.
 */
export class DamageNotices {
  /** Reads the newest of them. One that can't be understood is told of and counts as if it weren't there. */
  static async read(repository: Repository, entries: readonly NoticeEntry[]): Promise<DamageNotices> {
    const notices = new DamageNotices();
    const newest = [...entries].sort((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime());
    for (const { key } of newest.slice(0, NOTICES_READ)) await notices.add(repository, key);
    if (entries.length > NOTICES_READ) {
      notices.warnings.push(
        `${entries.length - NOTICES_READ} notices of damage below 'points/' were not read; run 'prune'`,
      );
    }
    return notices;
  }

  readonly warnings: string[] = [];
  /** By key of the notice, what it names. Those that couldn't be read are left out. */
  readonly byNotice = new Map<string, readonly string[]>();
  private readonly keys = new Set<string>();

  /** Whether the block at this folder, or the object under this key, is damaged. */
  has(key: string): boolean {
    return this.keys.has(key);
  }

  /** Whether blocks of the tenant are among it, so that an unchanged tenant isn't a tenant to copy unseen. */
  hasBlocksOf(tenant: string): boolean {
    const folders = [`${BLOCKS_PREFIX}${tenant}/`, `${REWRITTEN_PREFIX}${tenant}/`];
    return [...this.keys].some((key) => folders.some((folder) => key.startsWith(folder)));
  }

  private async add(repository: Repository, key: string): Promise<void> {
    try {
      const text = (await repository.storage.get(key, NOTICE_LIMIT)).toString('utf8');
      const notice = readDocument(noticeSchema, key, text);
      const isOwn = notice.repository === repository.identity.id;
      const named = isOwn ? notice.keys.filter((each) => NOTICEABLE.test(each)) : [];
      if (!isOwn || named.length < notice.keys.length) {
        this.warnings.push(
          isOwn
            ? `'${key}' names what is no object of a recovery point; that is passed over`
            : `'${key}' belongs to another repository and is passed over; move it back there`,
        );
      }
      if (isOwn) this.byNotice.set(key, named);
      for (const each of named) this.keys.add(each);
    } catch (error) {
      if (!(error instanceof Error) || !isUnreadable(error)) throw error;
      this.warnings.push(`${error.message}; what it names isn't stored again; run 'verify'`);
    }
  }
}

/**
 * Tells the next backup what is damaged, as far as no notice does already.
 *
 * @returns what is wrong with the notices that exist, in sentences
 */
export async function noticeDamage(repository: Repository, damaged: Iterable<string>): Promise<readonly string[]> {
  const keys = [...new Set(damaged)].sort();
  if (keys.length === 0) return [];
  const known = await DamageNotices.read(repository, (await repository.listPoints()).notices);
  const unknown = keys.filter((key) => !known.has(key));
  for (let start = 0; start < unknown.length; start += KEYS_IN_NOTICE) {
    await putNotice(repository, unknown.slice(start, start + KEYS_IN_NOTICE));
  }
  if (unknown.length > 0) await repository.storage.sync();
  return known.warnings;
}

async function putNotice(repository: Repository, keys: readonly string[]): Promise<void> {
  const { storage, identity } = repository;
  const bytes = Buffer.from(JSON.stringify({ format: FORMAT_VERSION, repository: identity.id, keys }));
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const key = damageNoticeKey(timedId(repository.now(), repository.suffix()));
    if ((await storage.put(key, bytesInMemory(bytes))).created) return;
  }
  throw new StorageError(`notice damage: ${ATTEMPTS} names of notices were taken; run 'verify' again`);
}

function isUnreadable(error: Error): boolean {
  return isDamage(error) || (error instanceof UsageError && error.cause instanceof DocumentError);
}
