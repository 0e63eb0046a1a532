import { DataError } from '../../errors.js'

/** Captions of one picture, best first where the source ranks them. */
export type Captions = readonly [string, ...string[]]

/** A captioned picture that is not opened yet. */
export interface CaptionRecord {
  /** Names the picture in logs; unique within its file. */
  readonly key: string
  /** A path or an http(s) address. Whether it is there shows when it is opened. */
  readonly image: string
  readonly captions: Captions
}

export interface ReadOptions {
  /** Is told of each wrong entry, which is then left out. Without it the first one is thrown. */
  readonly onBroken?: (error: DataError) => void
}

/** The captions without blanks around them and without empty ones. @throws DataError where none is left. */
export function nonEmptyCaptions(captions: readonly string[], place: string): Captions {
  const [first, ...others] = captions.map((caption) => caption.trim()).filter((caption) => caption !== '')
  if (first === undefined) throw new DataError(`${place}: there is no caption; expected one that is not empty`)
  return [first, ...others]
}

/** Turns entries into records, with wrong ones thrown or reported; `undefined` leaves one out on purpose. */
export async function* toRecords<Entry>(
  entries: AsyncIterable<Entry> | Iterable<Entry>,
  toRecord: (entry: Entry) => CaptionRecord | undefined,
  { onBroken }: ReadOptions,
): AsyncGenerator<CaptionRecord> {
  for await (const entry of entries) {
    let record: CaptionRecord | undefined
    try {
      record = toRecord(entry)
    } catch (error) {
      if (!onBroken || !(error instanceof DataError)) throw error
      onBroken(error)
    }
    if (record) yield record
  }
}
