import { DataError } from '../../errors.js'
import { type Captions, nonEmptyCaptions } from '../readers/captionRecord.js'
import type { ShardSample } from './samples.js'

/** A picture that is not decoded, and its captions. */
export interface EncodedPicture {
  readonly key: string
  /** The encoded file, or where it is: a path or an http(s) address. */
  readonly image: Uint8Array | string
  readonly captions: Captions
  /** Where the file begins in its uncompressed shard, if it comes from one. */
  readonly imageStart?: number
}

/** Where the captions of a sample are. */
export interface CaptionPlace {
  /**
   * The field of the `json` member that holds the caption, or a list of captions that is best first. Default: the `txt`
   * member, or where there is none the field "caption".
   */
  readonly captionField?: string
}

const PICTURE_SUFFIXES = ['jpg', 'jpeg', 'png', 'webp', 'gif', 'avif', 'tif', 'tiff']

/** Finds the picture and its captions in a sample. @throws DataError with the key and the suffixes that it does have. */
export function captionedSample({ key, files, starts }: ShardSample, place: CaptionPlace = {}): EncodedPicture {
  const suffix = PICTURE_SUFFIXES.find((one) => files.has(one))
  if (suffix === undefined)
    throw new DataError(`sample ${key} has no picture; expected ${PICTURE_SUFFIXES.join(', ')}, got ${suffixes(files)}`)
  const captions = nonEmptyCaptions(captionsOf(key, files, place), `sample ${key}`)
  return { key, image: files.get(suffix)!, imageStart: starts.get(suffix)!, captions }
}

function captionsOf(key: string, files: ShardSample['files'], { captionField }: CaptionPlace): string[] {
  const txt = files.get('txt')
  if (captionField === undefined && txt) return [decodeText(txt, `${key}.txt`)]
  const json = files.get('json')
  if (!json)
    throw new DataError(
      `sample ${key} has no captions; expected ${captionField === undefined ? 'txt or json' : 'json'}, got ${suffixes(files)}`,
    )
  const field = captionField ?? 'caption'
  const caption = fieldOf(parseJson(decodeText(json, `${key}.json`), key), field)
  const captions: unknown[] = Array.isArray(caption) ? caption : [caption]
  if (!captions.every((one) => typeof one === 'string'))
    throw new DataError(`${key}.json: expected a text, or a list of texts, in "${field}"`)
  return captions
}

function fieldOf(json: unknown, field: string): unknown {
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[field] : undefined
}

function parseJson(text: string, key: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DataError(`${key}.json is not JSON: ${(cause as Error).message}`, { cause })
  }
}

function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new DataError(`${name} is not UTF-8`, { cause })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

const suffixes = (files: ShardSample['files']): string => [...files.keys()].join(', ') || 'nothing'
