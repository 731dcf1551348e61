/** What a field of a struct may be, by the types of Thrift's compact protocol that parquet needs. */
export type ThriftField =
  | { readonly i32: number }
  | { readonly i64: number }
  | { readonly text: string }
  | { readonly struct: ThriftStruct }
  | { readonly structs: readonly ThriftStruct[] }
  | { readonly texts: readonly string[] }
  | { readonly i32s: readonly number[] };

/** Fields by their number. */
export type ThriftStruct = Readonly<Record<number, ThriftField>>;

const TYPE = { i32: 5, i64: 6, text: 8, list: 9, struct: 12 } as const;

/**
 * Writes a struct in Thrift's compact protocol.
 *
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
export function thriftStruct(struct: ThriftStruct): Buffer {
  let last = 0;
  const parts: Buffer[] = [];
  for (const id of Object.keys(struct).map(Number)) {
    const field = struct[id];
    if (field === undefined) continue;
    // Field numbers are written as the distance to the one before, which fits into the upper half of a byte everywhere in parquet.
    parts.push(Buffer.from([((id - last) << 4) | typeOf(field)]), valueOf(field));
    last = id;
  }
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function typeOf(field: ThriftField): number {
  if ('i32' in field) return TYPE.i32;
  if ('i64' in field) return TYPE.i64;
  if ('text' in field) return TYPE.text;
  return 'struct' in field ? TYPE.struct : TYPE.list;
}

function valueOf(field: ThriftField): Buffer {
  if ('i32' in field) return zigzag(field.i32);
  if ('i64' in field) return zigzag(field.i64);
  if ('text' in field) return text(field.text);
  if ('struct' in field) return thriftStruct(field.struct);
  if ('structs' in field) return list(TYPE.struct, field.structs.map(thriftStruct));
  if ('texts' in field) return list(TYPE.text, field.texts.map(text));
  return list(TYPE.i32, field.i32s.map(zigzag));
}

function list(type: number, items: readonly Buffer[]): Buffer {
  const short = items.length < 15;
  const head = short
    ? Buffer.from([(items.length << 4) | type])
    : Buffer.concat([Buffer.from([0xf0 | type]), varint(items.length)]);
  return Buffer.concat([head, ...items]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(bytes.length), bytes]);
}

/** Only what isn't negative is ever written. */
function zigzag(value: number): Buffer {
  return varint(value * 2);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}
