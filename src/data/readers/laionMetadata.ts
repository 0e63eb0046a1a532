import { DataError } from '../../errors.js'
import { type CaptionRecord, nonEmptyCaptions, type ReadOptions, toRecords } from './captionRecord.js'
import { columnNamed, parquetRows } from './parquetRows.js'
import { pictureAddress } from './pictureAddress.js'

/**
 * Reads the URL and TEXT of LAION's parquet metadata (400M, 2B-en, COCO). Other columns, such as similarity or NSFW,
 * are not read.
 */
export async function* readLaionMetadata(file: string, options: ReadOptions = {}): AsyncGenerator<CaptionRecord> {
  let url = ''
  let text = ''
  const rows = parquetRows(file, (columns) => {
    url = columnNamed(columns, 'url', file)
    text = columnNamed(columns, 'text', file)
    return [url, text]
  })
  yield* toRecords(
    rows,
    ({ row, place }) => {
      const [address, caption] = [row[url], row[text]]
      if (typeof address !== 'string' || typeof caption !== 'string')
        throw new DataError(`${place}: expected a text for ${url} and ${text}, got ${address} and ${caption}`)
      const image = pictureAddress(address, place)
      return { key: image, image, captions: nonEmptyCaptions([caption], place) }
    },
    options,
  )
}
