import { DataError } from '../../errors.js'
import { type CaptionRecord, nonEmptyCaptions, type ReadOptions, toRecords } from './captionRecord.js'
import { jsonEntries } from './jsonEntries.js'
import { textLines } from './lines.js'
import { pictureAddress } from './pictureAddress.js'

interface Pair {
  readonly address: string
  readonly caption: string
  readonly place: string
}

/** Reads SBU's sbu-captions-all.json: the lists `image_urls` and `captions`, which belong together by position. */
export async function* readSbuJson(file: string, options: ReadOptions = {}): AsyncGenerator<CaptionRecord> {
  const addresses: { text: string; place: string }[] = []
  const captions: string[] = []
  for await (const { array, value, place } of jsonEntries(file)) {
    if (array !== 'image_urls' && array !== 'captions') continue
    if (typeof value !== 'string') throw new DataError(`${place}: expected a string, got ${JSON.stringify(value)}`)
    if (array === 'captions') captions.push(value)
    else addresses.push({ text: value, place })
  }
  if (addresses.length !== captions.length || captions.length === 0)
    throw new DataError(
      `${file} has ${addresses.length} image_urls and ${captions.length} captions; expected two lists of one length`,
    )
  const pairs = addresses.map(({ text, place }, i) => ({ address: text, caption: captions[i]!, place }))
  yield* toRecords(pairs, toRecord, options)
}

/**
 * Reads SBU's pair of text files, SBU_captioned_photo_dataset_urls.txt and ..._captions.txt: line N of one belongs to
 * line N of the other.
 */
export async function* readSbuText(
  addressFile: string,
  captionFile: string,
  options: ReadOptions = {},
): AsyncGenerator<CaptionRecord> {
  yield* toRecords(pairedLines(addressFile, captionFile), toRecord, options)
}

async function* pairedLines(addressFile: string, captionFile: string): AsyncGenerator<Pair> {
  const captions = textLines(captionFile)
  for await (const { text, place } of textLines(addressFile)) {
    const { done, value } = await captions.next()
    if (done) throw new DataError(`${place} has no caption: ${captionFile} has fewer lines`)
    yield { address: text, caption: value.text, place }
  }
  const { done, value } = await captions.next()
  if (!done) throw new DataError(`${value.place} has no address: ${addressFile} has fewer lines`)
}

function toRecord({ address, caption, place }: Pair): CaptionRecord {
  const image = pictureAddress(address, place)
  return { key: image, image, captions: nonEmptyCaptions([caption], place) }
}
