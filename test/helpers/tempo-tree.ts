import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from './random';

const FIXTURES = join(__dirname, '../fixtures');
/** Files are given this age, so that they don't look as if they were being written. */
const AGE_MS = 3600_000;

export interface MadeBlock {
  /** @default - made from the number of blocks made so far */
  readonly id?: string;
  /** 32 hex digits each. @default - three made-up ones */
  readonly traceIds?: readonly string[];
  /** Of data.parquet, in bytes, at least what the trace IDs take. @default - as small as can be */
  readonly size?: number;
  /** Marks all files of this version of the block. @default 'v1' */
  readonly version?: string;
  readonly start?: Date;
  readonly end?: Date;
  readonly level?: number;
  readonly format?: string;
  readonly replicationFactor?: number;
}

export interface BlockFiles {
  readonly id: string;
  readonly traceIds: readonly string[];
  /** Name to bytes, in the order in which Tempo writes them; meta.json last. */
  readonly files: ReadonlyMap<string, Buffer>;
}

let made = 0;

/** The bytes of a block that passes for one: heads, tails and sizes are right, the parquet itself is none. */
export function blockFiles(tenant: string, options: MadeBlock = {}): BlockFiles {
  const random = new Random(0x7e3b0 + made++);
  const id = options.id ?? random.uuid();
  const traceIds = options.traceIds ?? Array.from({ length: 3 }, () => random.bytes(16).toString('hex'));
  const data = fakeParquet(traceIds, options.version ?? 'v1', options.size);
  const meta = {
    format: options.format ?? 'vParquet4',
    blockID: id,
    tenantID: tenant,
    startTime: (options.start ?? new Date(Date.now() - 2 * AGE_MS)).toISOString(),
    endTime: (options.end ?? new Date(Date.now() - AGE_MS)).toISOString(),
    totalObjects: traceIds.length,
    size: data.length,
    compactionLevel: options.level ?? 0,
    encoding: 'none',
    indexPageSize: 0,
    totalRecords: 1,
    dataEncoding: '',
    bloomShards: 1,
    footerSize: data.readUInt32LE(data.length - 8),
    ...(options.replicationFactor === undefined ? {} : { replicationFactor: options.replicationFactor }),
    version: options.version ?? 'v1',
  };
  const files = new Map([
    ['data.parquet', data],
    ['bloom-0', fakeBloom(options.version ?? 'v1')],
    ['index', Buffer.from(JSON.stringify({ rowGroups: [], version: options.version ?? 'v1' }))],
    ['meta.json', Buffer.from(JSON.stringify(meta))],
  ]);
  return { id, traceIds, files };
}

/** Makes a whole block in `<folder>/<tenant>/<id>`: for the traces folder, and for `wal/blocks`. */
export function makeBlock(folder: string, tenant: string, options: MadeBlock = {}): BlockFiles {
  const block = blockFiles(tenant, options);
  const path = join(folder, tenant, block.id);
  mkdirSync(path, { recursive: true });
  for (const [name, bytes] of block.files) writeOld(join(path, name), bytes);
  return block;
}

export interface MadeWalBlock {
  readonly id?: string;
  /** Trace IDs of each closed page. @default - one page of three */
  readonly pages?: readonly (readonly string[])[];
  readonly encoding?: string;
}

/** Makes a WAL block with closed pages, an open one of 0 bytes and a meta.json; gives its ID and its trace IDs. */
export function makeWalBlock(
  walFolder: string,
  tenant: string,
  options: MadeWalBlock = {},
): { id: string; folder: string; traceIds: string[] } {
  const random = new Random(0x3a1 + made++);
  const id = options.id ?? random.uuid();
  const encoding = options.encoding ?? 'vParquet4';
  const pages = options.pages ?? [Array.from({ length: 3 }, () => random.bytes(16).toString('hex'))];
  const folder = join(walFolder, `${id}+${tenant}+${encoding}`);
  mkdirSync(folder, { recursive: true });
  pages.forEach((traceIds, index) => writeOld(join(folder, pageName(index + 1)), fakeParquet(traceIds, 'wal')));
  writeOld(join(folder, pageName(pages.length + 1)), Buffer.alloc(0));
  writeOld(join(folder, 'meta.json'), walMeta(tenant, id, pages.flat().length));
  return { id, folder, traceIds: pages.flat() };
}

export function walMeta(tenant: string, id: string, totalObjects: number): Buffer {
  const startTime = new Date(Date.now() - AGE_MS).toISOString();
  return Buffer.from(
    JSON.stringify({ format: 'vParquet4', blockID: id, tenantID: tenant, startTime, endTime: startTime, totalObjects }),
  );
}

export function pageName(number: number): string {
  return String(number).padStart(10, '0');
}

/** Writes a file that looks an hour old, or as old as given. */
export function writeOld(path: string, bytes: Buffer | string, ageMs = AGE_MS): void {
  writeFileSync(path, bytes);
  const time = new Date(Date.now() - ageMs);
  utimesSync(path, time, time);
}

/**
 * Trace IDs between a head and a tail as parquet has them. Each trace ID follows the version's mark, so that a mix of two versions shows.
 */
export function fakeParquet(traceIds: readonly string[], version: string, size = 0): Buffer {
  const body = Buffer.concat(traceIds.map((traceId) => Buffer.concat([mark(version), Buffer.from(traceId, 'hex')])));
  const footer = Buffer.alloc(Math.max(8, size - body.length - 12), mark(version));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([Buffer.from('PAR1'), body, footer, length, Buffer.from('PAR1')]);
}

/** Reads back what `fakeParquet` made; throws when the bytes are of two versions. */
export function readFakeParquet(bytes: Buffer): { version: string; traceIds: string[] } {
  const body = bytes.subarray(4, bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8));
  const footer = bytes.subarray(4 + body.length, bytes.length - 8);
  const version = footer.toString('latin1', 0, 8).trim();
  const traceIds: string[] = [];
  for (let at = 0; at < body.length; at += 24) {
    const found = body.toString('latin1', at, at + 8).trim();
    if (found !== version) throw new Error(`bytes of the versions '${found}' and '${version}' in one file`);
    traceIds.push(body.toString('hex', at + 8, at + 24));
  }
  return { version, traceIds };
}

function fakeBloom(version: string): Buffer {
  const header = Buffer.alloc(24);
  header.writeBigUInt64BE(64n, 0);
  header.writeBigUInt64BE(7n, 8);
  header.writeBigUInt64BE(64n, 16);
  return Buffer.concat([header, mark(version)]);
}

function mark(version: string): Buffer {
  return Buffer.from(version.padEnd(8).slice(0, 8), 'latin1');
}

export type FixtureName = 'tempo-2.9' | 'tempo-3.0';

/** Copies a fixture into `folder`, so that it holds `tempo.yaml` and `var-tempo/`, with the folders that git doesn't keep. */
export function copyFixture(name: FixtureName, folder: string): void {
  cpSync(join(FIXTURES, name), folder, { recursive: true });
  const wal = name === 'tempo-2.9' ? 'var-tempo/wal' : 'var-tempo/live-store/traces';
  for (const tenant of ['team-a', 'team-b']) mkdirSync(join(folder, wal, 'blocks', tenant), { recursive: true });
  mkdirSync(join(folder, 'var-tempo/wal/blocks'), { recursive: true });
  ageFiles(folder);
}

/** The trace IDs that were pushed to the Tempo that wrote the fixture, by tenant. */
export function pushedTraceIds(name: FixtureName): Map<string, Set<string>> {
  const pushed = new Map<string, Set<string>>();
  for (const line of readFileSync(join(FIXTURES, name, 'pushed.jsonl'), 'utf8')
    .trim()
    .split('\n')) {
    const { tenant, traceId } = JSON.parse(line) as { tenant: string; traceId: string };
    pushed.set(tenant, (pushed.get(tenant) ?? new Set()).add(traceId));
  }
  return pushed;
}

function ageFiles(folder: string): void {
  const time = new Date(Date.now() - AGE_MS);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (statSync(path).isFile()) utimesSync(path, time, time);
  }
}
