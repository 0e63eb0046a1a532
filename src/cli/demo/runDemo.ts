import { isExactMatch } from '../../eval/captionScores.js'
import type { Blip2, Match } from '../../tasks/blip2.js'
import { rankImages, rankTexts } from '../../tasks/rank.js'
import type { DemoAssets, DemoPicture } from './assets.js'

export interface DemoResult {
  readonly pictures: readonly DescribedPicture[]
  readonly searches: readonly DemoSearch[]
  /** How many names each picture was matched with. */
  readonly names: number
}

export interface DescribedPicture {
  readonly picture: DemoPicture
  /** What stage 2 wrote, and whether it is a right name. */
  readonly caption: string
  readonly captionIsRight: boolean
  /** The name that stage 1 found, with its scores. */
  readonly name: string
  readonly nameIsRight: boolean
  readonly match: Match
}

export interface DemoSearch {
  readonly text: string
  /** The best pictures, best first. */
  readonly found: readonly (Match & { readonly picture: DemoPicture })[]
}

/** What the pictures are searched for. */
const QUERIES = ['guitar', 'fire engine', 'person surfing', 'snowman']
/** Pictures shown for each. */
const FOUND = 3

/** Captions the pictures, names each by the best of all names, and searches them for a few texts. */
export async function runDemo(
  model: Blip2,
  { pictures, names }: DemoAssets,
  signal: AbortSignal,
  onProgress: (doing: string, done: number, total: number) => void,
): Promise<DemoResult> {
  const options = { signal }
  const images = await model.encode(
    pictures.map(({ png }) => png),
    options,
  )
  onProgress('reading names', 0, names.length)
  const textVectors = await model.embedText(names, options)
  const captions = await model.caption(images, options)
  const described: DescribedPicture[] = []
  for (const [i, picture] of pictures.entries()) {
    const [best] = await rankTexts(model, images[i]!, names, { ...options, textVectors })
    const name = names[best!.index]!
    const caption = captions[i]!.text
    described.push({
      picture,
      caption,
      captionIsRight: isExactMatch(caption, picture.captions),
      name,
      nameIsRight: isExactMatch(name, picture.captions),
      match: { itm: best!.itm, itc: best!.itc },
    })
    onProgress('naming pictures', described.length, pictures.length)
  }
  const imageVectors = await model.embedImage(images, options)
  const searches: DemoSearch[] = []
  for (const text of QUERIES) {
    const ranked = await rankImages(model, text, images, { ...options, imageVectors })
    const found = ranked.slice(0, FOUND).map(({ index, itm, itc }) => ({ picture: pictures[index]!, itm, itc }))
    searches.push({ text, found })
  }
  return { pictures: described, searches, names: names.length }
}
