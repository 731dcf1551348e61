import { readFile } from 'node:fs/promises';
import { parquetMetadataAsync, parquetRead } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { type ThriftStruct, thriftStruct } from './thrift-writer';

/** A trace as it was pushed: the JSON of its resource spans. */
export interface StoredTrace {
  readonly traceId: string;
  readonly spans: string;
}

const MAGIC = Buffer.from('PAR1');
const BYTE_ARRAY = { i32: 6 };
const REQUIRED = { i32: 0 };
const PLAIN = 0;
const RLE = 3;
const COLUMNS = ['TraceID', 'OtlpJson'] as const;

/**
 * A parquet file with one row a trace, its ID in the column of Tempo's name. The other columns of Tempo's schema are left out: what reads
 * blocks here and in the runner asks for trace IDs only.
 */
export function parquetBytes(traces: readonly StoredTrace[]): Buffer {
  const values = [
    traces.map(({ traceId }) => Buffer.from(traceId, 'hex')),
    traces.map(({ spans }) => Buffer.from(spans)),
  ];
  const chunks = values.map((column) => page(column));
  const footer = thriftStruct(metadata(traces.length, chunks));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([MAGIC, ...chunks, footer, length, MAGIC]);
}

/** The traces of a block or a WAL page, by whomever it was written; `spans` is empty when Tempo wrote it. Throws on what is damaged. */
export async function readParquet(path: string): Promise<StoredTrace[]> {
  const bytes = await readFile(path);
  const file = {
    byteLength: bytes.length,
    slice: (start: number, end?: number) => arrayBuffer(bytes.subarray(start, end)),
  };
  const fileMetadata = await parquetMetadataAsync(file);
  const own = fileMetadata.schema.some(({ name }) => name === 'OtlpJson');
  let rows: unknown[][] = [];
  await parquetRead({
    file,
    metadata: fileMetadata,
    columns: own ? [...COLUMNS] : ['TraceID'],
    compressors,
    utf8: false,
    onComplete: (all: unknown[][]) => (rows = all),
  });
  return rows.map(([traceId, spans]) => ({
    traceId: Buffer.from(traceId as Uint8Array).toString('hex'),
    spans: own ? Buffer.from(spans as Uint8Array).toString() : '',
  }));
}

/** Whether the file's last bytes say that it was closed: all that Tempo's replay looks at. */
export function isClosed(bytes: Buffer): boolean {
  return (
    bytes.length > 12 &&
    bytes.subarray(0, 4).equals(MAGIC) &&
    bytes.subarray(-4).equals(MAGIC) &&
    bytes.readUInt32LE(bytes.length - 8) <= bytes.length - 12
  );
}

export function footerSize(bytes: Buffer): number {
  return bytes.readUInt32LE(bytes.length - 8);
}

function page(values: readonly Buffer[]): Buffer {
  const data = Buffer.concat(
    values.flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(value.length);
      return [length, value];
    }),
  );
  const header = thriftStruct({
    1: { i32: 0 },
    2: { i32: data.length },
    3: { i32: data.length },
    5: { struct: { 1: { i32: values.length }, 2: { i32: PLAIN }, 3: { i32: RLE }, 4: { i32: RLE } } },
  });
  return Buffer.concat([header, data]);
}

function metadata(rows: number, chunks: readonly Buffer[]): ThriftStruct {
  let offset = MAGIC.length;
  const columns = chunks.map((chunk, index): ThriftStruct => {
    const start = offset;
    offset += chunk.length;
    return {
      2: { i64: start },
      3: { struct: columnMetadata(COLUMNS[index] ?? '', rows, { start, size: chunk.length }) },
    };
  });
  const root = { 4: { text: 'Trace' }, 5: { i32: COLUMNS.length } };
  return {
    1: { i32: 1 },
    2: { structs: [root, ...COLUMNS.map((name) => ({ 1: BYTE_ARRAY, 3: REQUIRED, 4: { text: name } }))] },
    3: { i64: rows },
    4: { structs: [{ 1: { structs: columns }, 2: { i64: offset - MAGIC.length }, 3: { i64: rows } }] },
    6: { text: 'tempo-backup test double' },
  };
}

function columnMetadata(name: string, rows: number, at: { start: number; size: number }): ThriftStruct {
  return {
    1: BYTE_ARRAY,
    2: { i32s: [PLAIN] },
    3: { texts: [name] },
    4: { i32: 0 },
    5: { i64: rows },
    6: { i64: at.size },
    7: { i64: at.size },
    9: { i64: at.start },
  };
}

function arrayBuffer(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
