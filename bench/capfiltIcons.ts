import sharp from 'sharp'
import { iconSvg, readIconSet } from '../src/data/emoji/iconify.js'
import { PICTURE_SIZE } from '../src/data/emoji/render.js'
import type { Random } from '../src/train/random/random.js'
import type { CaptionedFile } from './capfiltSets.js'

/**
 * Drawings of Iconify's packages, such as @iconify-json/mdi, drawn at random. All that is said of one is its file name,
 * which is often what the web says of a picture: 'arrow u left top bold'.
 */
export function namedIcons(packages: readonly string[], count: number, random: Random): CaptionedFile[] {
  const icons = packages.flatMap((name) => {
    const set = readIconSet({ name, version: 'latest' })
    const shown = Object.entries(set.icons).filter(([, { hidden }]) => !hidden)
    return shown.map(([icon]) => ({ set, icon }))
  })
  if (icons.length < count) throw new Error(`${packages.join(', ')} hold ${icons.length} icons; expected ${count}`)
  return random
    .shuffle(icons)
    .slice(0, count)
    .map(({ set, icon }) => ({
      caption: icon.replaceAll('-', ' '),
      png: () =>
        sharp(Buffer.from(iconSvg(set, icon, PICTURE_SIZE)))
          .png()
          .toBuffer(),
    }))
}
