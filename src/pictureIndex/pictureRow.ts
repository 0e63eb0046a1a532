import type { Arrow, ArrowBatch, ArrowSchema, ArrowTable } from './lanceDb.js'

/** What tells whether a file has changed since it was indexed, and which others look like it. */
export interface PictureState {
  /** Absolute. */
  readonly path: string
  readonly bytes: number
  /** When the file was last written, in milliseconds since 1970. */
  readonly modified: number
  /** When it was read for the index, in milliseconds since 1970. */
  readonly indexed: number
  /** SHA-256 of the file, hexadecimal. */
  readonly content: string
  /** `lookHash` of the picture. */
  readonly look: string
}

/** A picture of the index. */
export interface PictureRow extends PictureState {
  /** Unit vectors, one per query: [queries, width], row-major. */
  readonly vectors: Float32Array
}

/** Sizes of the vectors of one picture. */
export interface VectorShape {
  readonly queries: number
  readonly width: number
}

export const STATE_COLUMNS = ['path', 'bytes', 'modified', 'indexed', 'content', 'look'] as const

/** Vectors are a list of lists of one length: LanceDB's form for several vectors of one row. */
export function pictureSchema(arrow: Arrow, { width }: VectorShape): ArrowSchema {
  const { Field, FixedSizeList, Float32, Float64, List, Schema, Utf8 } = arrow
  const vector = new FixedSizeList(width, new Field('item', new Float32(), true))
  return new Schema([
    new Field('path', new Utf8(), false),
    new Field('bytes', new Float64(), false),
    new Field('modified', new Float64(), false),
    new Field('indexed', new Float64(), false),
    new Field('content', new Utf8(), false),
    new Field('look', new Utf8(), false),
    new Field('vectors', new List(new Field('item', vector, true)), false),
  ])
}

/** Rows as an Arrow table. The vectors are laid down as they are: thousands of small arrays would take far longer. */
export function toArrowTable(arrow: Arrow, rows: readonly PictureRow[], shape: VectorShape): ArrowTable {
  const { makeData, RecordBatch, Struct, Table } = arrow
  const schema = pictureSchema(arrow, shape)
  const text = (column: 'path' | 'content' | 'look') =>
    arrow.vectorFromArray(
      rows.map((row) => row[column]),
      new arrow.Utf8(),
    ).data[0]!
  const number = (column: 'bytes' | 'modified' | 'indexed') =>
    arrow.makeVector(Float64Array.from(rows, (row) => row[column])).data[0]!
  const children = [
    text('path'),
    number('bytes'),
    number('modified'),
    number('indexed'),
    text('content'),
    text('look'),
    vectorData(arrow, schema, rows, shape),
  ]
  const struct = makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children })
  return new Table(schema, [new RecordBatch(schema, struct)])
}

function vectorData(arrow: Arrow, schema: ArrowSchema, rows: readonly PictureRow[], { queries, width }: VectorShape) {
  const list = schema.fields.at(-1)!.type as InstanceType<Arrow['List']>
  const vector = list.children[0]!.type as InstanceType<Arrow['FixedSizeList']>
  const values = new Float32Array(rows.length * queries * width)
  rows.forEach(({ vectors }, i) => {
    values.set(vectors, i * queries * width)
  })
  const { makeData } = arrow
  const numbers = makeData({ type: new arrow.Float32(), length: values.length, nullCount: 0, data: values })
  const vectors = makeData({ type: vector, length: rows.length * queries, nullCount: 0, child: numbers })
  const valueOffsets = Int32Array.from({ length: rows.length + 1 }, (_, i) => i * queries)
  return makeData({ type: list, length: rows.length, nullCount: 0, valueOffsets, child: vectors })
}

/** The states of a batch that holds the state columns. */
export function statesOf(batch: ArrowBatch): PictureState[] {
  const [path, bytes, modified, indexed, content, look] = STATE_COLUMNS.map((name) => batch.getChild(name)!)
  return Array.from({ length: batch.numRows }, (_, i) => ({
    path: path!.get(i),
    bytes: bytes!.get(i),
    modified: modified!.get(i),
    indexed: indexed!.get(i),
    content: content!.get(i),
    look: look!.get(i),
  }))
}

/** The rows of a batch that holds all columns. */
export function rowsOf(batch: ArrowBatch): PictureRow[] {
  const vectors = batch.getChild('vectors')!
  return statesOf(batch).map((state, i) => ({
    ...state,
    vectors: Float32Array.from(vectors.get(i).getChildAt(0).toArray() as Float32Array),
  }))
}
