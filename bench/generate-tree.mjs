// Trees of blocks that look whole to a backup: made from a seed, the same bytes each time, incompressible and without repetition.
import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const MIB = 1024 * 1024;
const MAGIC = Buffer.from('PAR1');
const FOOTER_SIZE = 1024;
const HOUR = 3_600_000;
const CHUNK = Buffer.alloc(8 * MIB);

/** `traces/<tenant>/<id>/…` and an empty WAL below a folder, with what it holds. */
export class Tree {
  constructor(root, seed) {
    this.root = root;
    this.seed = seed;
    this.traces = join(root, 'traces');
    this.wal = join(root, 'wal');
    this.blocks = [];
    this.bytes = 0;
    this.files = 0;
    mkdirSync(this.traces, { recursive: true });
    mkdirSync(this.wal, { recursive: true });
  }

  addBlock({ tenant = 'team-a', size, bloomBytes, ageHours = 1, sparse = false }) {
    const id = uuidOf(`${this.seed}/${this.blocks.length}`);
    const folder = join(this.traces, tenant, id);
    mkdirSync(folder, { recursive: true });
    const bloom = bloomOf(bloomBytes);
    const index = JSON.stringify({ rowGroups: [createHash('md5').update(id).digest('base64')] });
    const description = metaOf({ tenant, id, size, ageHours });
    const meta = JSON.stringify(description);
    writeData(join(folder, 'data.parquet'), id, size, sparse);
    writeFileSync(join(folder, 'bloom-0'), bloom);
    writeFileSync(join(folder, 'index'), index);
    writeFileSync(join(folder, 'meta.json'), meta);
    this.blocks.push({ tenant, id, folder, ageHours, description });
    this.bytes += size + bloom.length + index.length + meta.length;
    this.files += 4;
  }

  /** Of all its blocks, as each poll of a Tempo leaves them. */
  writeTenantIndexes() {
    for (const tenant of new Set(this.blocks.map((block) => block.tenant))) {
      const meta = this.blocks.filter((block) => block.tenant === tenant).map(({ description }) => description);
      const index = { created_at: rfc3339(new Date()), meta, compacted: [] };
      writeFileSync(join(this.traces, tenant, 'index.json.gz'), gzipSync(JSON.stringify(index)));
    }
  }
}

/** 345 blocks of 1 to 4 MB with some of 60 MB: 1.4 GB. `share` makes fewer; every second one is `oldHours` old where that is given. */
export function mixedTree(root, share = 1, { oldHours } = {}) {
  const tree = new Tree(root, 'mixed');
  const count = Math.round(345 * share);
  for (let n = 0; n < count; n++) {
    const size = n % 31 === 17 ? 60_000_000 : 1_000_000 + (numberOf(`mixed-size/${n}`) % 3_000_000);
    tree.addBlock({
      tenant: tenantOf(n),
      size,
      bloomBytes: 102_400,
      ageHours: oldHours !== undefined && n % 2 === 0 ? oldHours : 1,
    });
  }
  return tree;
}

/** Blocks so small that only their number counts. */
export function tinyTree(root, count) {
  const tree = new Tree(root, 'tiny');
  for (let n = 0; n < count; n++) {
    const size = FOOTER_SIZE + 1000 + (numberOf(`tiny-size/${n}`) % 1000);
    tree.addBlock({ tenant: tenantOf(n), size, bloomBytes: 128 });
  }
  return tree;
}

/** One block of `size` bytes; sparse, so that making it costs nothing. */
export function hugeTree(root, size) {
  const tree = new Tree(root, 'huge');
  tree.addBlock({ size, bloomBytes: 102_400, sparse: true });
  return tree;
}

function tenantOf(n) {
  return n % 3 === 0 ? 'team-b' : 'team-a';
}

function metaOf({ tenant, id, size, ageHours }) {
  const end = new Date(Date.now() - ageHours * HOUR);
  return {
    format: 'vParquet4',
    blockID: id,
    tenantID: tenant,
    startTime: rfc3339(new Date(end.getTime() - HOUR / 2)),
    endTime: rfc3339(end),
    totalObjects: Math.max(1, Math.round(size / 1200)),
    size,
    compactionLevel: 0,
    encoding: 'none',
    indexPageSize: 0,
    totalRecords: 1,
    dataEncoding: '',
    bloomShards: 1,
    footerSize: FOOTER_SIZE,
  };
}

function rfc3339(time) {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** `PAR1`, bytes, a footer, its size, `PAR1`: what a backup can check without opening the file as parquet. */
function writeData(path, seed, size, sparse) {
  const file = openSync(path, 'w');
  try {
    if (sparse) ftruncateSync(file, size);
    else writeRandom(file, seed, size);
    const tail = Buffer.concat([Buffer.alloc(4), MAGIC]);
    tail.writeUInt32LE(FOOTER_SIZE);
    writeSync(file, MAGIC, 0, MAGIC.length, 0);
    writeSync(file, tail, 0, tail.length, size - tail.length);
  } finally {
    closeSync(file);
  }
}

function writeRandom(file, seed, size) {
  const cipher = createCipheriv('aes-128-ctr', createHash('md5').update(seed).digest(), Buffer.alloc(16));
  for (let offset = 0; offset < size; offset += CHUNK.length) {
    const bytes = cipher.update(CHUNK.subarray(0, Math.min(CHUNK.length, size - offset)));
    writeSync(file, bytes, 0, bytes.length, offset);
  }
}

/** Tempo's bloom filter: bits, hash functions and length as 8 bytes each, big-endian, then the bits. */
function bloomOf(bytes) {
  const bloom = Buffer.alloc(24 + bytes);
  bloom.writeBigUInt64BE(BigInt(bytes * 8), 0);
  bloom.writeBigUInt64BE(7n, 8);
  bloom.writeBigUInt64BE(BigInt(bytes * 8), 16);
  return bloom;
}

function numberOf(seed) {
  return createHash('md5').update(seed).digest().readUInt32BE();
}

function uuidOf(seed) {
  const hex = createHash('md5').update(seed).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
