import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetRead } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { IntegrityError, RunnerError } from '../../errors';
import type { ByteSource } from '../../storage/storage';

const COLUMN = 'TraceID';
const TRACE_ID_BYTES = 16;

/** The trace IDs of a block's data.parquet or of a WAL page, one array per row group; order and duplicates as in the file. */
export async function* readTraceIds(source: ByteSource): AsyncGenerator<Buffer[], void, undefined> {
  const file = asyncBuffer(source);
  const metadata = await readFooter(file);
  if (!metadata.schema.some((element) => element.name === COLUMN)) {
    throw new IntegrityError(`can't read trace IDs: the parquet file has no column '${COLUMN}'`);
  }
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    const ids = await explain('trace IDs', () => readRows(file, metadata, start, end));
    if (ids.length !== end - start) {
      throw new IntegrityError(`can't read trace IDs: a row group has ${ids.length} of ${end - start} rows`);
    }
    yield ids;
    start = end;
  }
}

/** The number of rows, each a trace or a part of one, as the footer says. */
export async function countRows(source: ByteSource): Promise<number> {
  return Number((await readFooter(asyncBuffer(source))).num_rows);
}

async function readRows(
  file: AsyncBuffer,
  metadata: FileMetaData,
  rowStart: number,
  rowEnd: number,
): Promise<Buffer[]> {
  let ids: Buffer[] = [];
  await parquetRead({
    file,
    metadata,
    columns: [COLUMN],
    rowStart,
    rowEnd,
    compressors,
    utf8: false,
    onComplete: (rows: unknown[][]) => {
      ids = rows.map((row) => traceId(row[0]));
    },
  });
  return ids;
}

function traceId(value: unknown): Buffer {
  if (value instanceof Uint8Array && value.length === TRACE_ID_BYTES) {
    // A view of the page would keep all of the page in memory.
    return Buffer.from(value);
  }
  throw new IntegrityError(`can't read trace IDs: one isn't ${TRACE_ID_BYTES} bytes long`);
}

async function readFooter(file: AsyncBuffer): Promise<FileMetaData> {
  if (file.byteLength < 12)
    throw new IntegrityError(`can't read parquet footer: the file has only ${file.byteLength} bytes`);
  // One read of 512 KiB from the end, and a second one for a footer that is larger.
  return explain('parquet footer', () => parquetMetadataAsync(file, { geoparquet: false }));
}

function asyncBuffer(source: ByteSource): AsyncBuffer {
  return {
    byteLength: source.size,
    slice: async (start, end = source.size) => {
      if (start < 0 || end > source.size || start > end) {
        throw new IntegrityError(`bytes ${start} to ${end} of ${source.size} are named`);
      }
      const bytes = new ArrayBuffer(end - start);
      await source.read(start, Buffer.from(bytes));
      return bytes;
    },
  };
}

/** Errors of the parser mean damaged bytes; those of the source pass as they are. */
async function explain<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RunnerError) throw error;
    throw new IntegrityError(
      `can't read ${what}: ${error instanceof Error ? error.message : String(error)}`,
      {},
      { cause: error },
    );
  }
}
