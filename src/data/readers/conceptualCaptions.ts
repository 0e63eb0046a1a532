import { DataError } from '../../errors.js'
import { type CaptionRecord, nonEmptyCaptions, type ReadOptions, toRecords } from './captionRecord.js'
import { type TextLine, textLines } from './lines.js'
import { pictureAddress } from './pictureAddress.js'

/** Conceptual Captions 3M has the caption first, 12M the address. */
export type ConceptualCaptionsFormat = 'cc3m' | 'cc12m'

const COLUMNS = { cc3m: ['caption', 'url'], cc12m: ['url', 'caption'] } as const

/**
 * Reads the TSV of Conceptual Captions 3M (Train_GCC-training.tsv) or 12M (cc12m.tsv): two columns, nothing quoted. A
 * first line of column names, which img2dataset makes people add, is passed over.
 */
export async function* readConceptualCaptions(
  file: string,
  format: ConceptualCaptionsFormat,
  options: ReadOptions = {},
): AsyncGenerator<CaptionRecord> {
  const columns = COLUMNS[format]
  const header = columns.join('\t')
  let first = true
  const toRecord = ({ text, place }: TextLine): CaptionRecord | undefined => {
    const isHeader = first && text === header
    first = false
    if (isHeader) return undefined
    const cells = text.split('\t')
    if (cells.length !== 2)
      throw new DataError(`${place}: expected ${columns.join('<TAB>')}, got ${cells.length} column(s)`)
    const image = pictureAddress(cells[columns.indexOf('url')]!, place)
    return { key: image, image, captions: nonEmptyCaptions([cells[columns.indexOf('caption')]!], place) }
  }
  yield* toRecords(textLines(file), toRecord, options)
}
