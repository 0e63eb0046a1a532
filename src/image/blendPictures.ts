import type { RandomSource } from './augment.js'

/** Part of the blends in which each picture has a side of its own; in the others they lie over each other. */
const CUT_PART = 0.3
/** Where they lie over each other, the share of the second. */
const SHARE = [0.3, 0.7] as const
/** Farthest that a cut runs from the middle, as a part of the side. */
const CUT_OFFSET = 0.15

/**
 * A picture between two of the same thing: one over the other, half transparent, or cut along a line through about the
 * middle. Styles between those of the vendors, so that an encoder does not learn each vendor's by heart (mixup and
 * CutMix between domains).
 * first, second: RGBA with straight alpha, side x side. -> the same
 */
export function blendPictures(first: Uint8Array, second: Uint8Array, side: number, random: RandomSource): Uint8Array {
  const shareAt = random() < CUT_PART ? cut(side, random) : constantShare(random)
  const out = new Uint8Array(first.length)
  for (let pixel = 0; pixel < side * side; pixel++) {
    const share = shareAt(pixel)
    const at = 4 * pixel
    const [ofFirst, ofSecond] = [(1 - share) * first[at + 3]!, share * second[at + 3]!]
    const alpha = ofFirst + ofSecond
    out[at + 3] = Math.round(alpha)
    if (alpha === 0) continue
    for (let channel = at; channel < at + 3; channel++)
      out[channel] = Math.round((ofFirst * first[channel]! + ofSecond * second[channel]!) / alpha)
  }
  return out
}

type ShareAt = (pixel: number) => number

function constantShare(random: RandomSource): ShareAt {
  const [least, most] = SHARE
  const share = least + (most - least) * random()
  return () => share
}

function cut(side: number, random: RandomSource): ShareAt {
  const angle = 2 * Math.PI * random()
  const offset = side * CUT_OFFSET * (2 * random() - 1)
  const [x, y] = [Math.cos(angle), Math.sin(angle)]
  return (pixel) => {
    const [column, row] = [(pixel % side) - side / 2, Math.floor(pixel / side) - side / 2]
    return column * x + row * y > offset ? 1 : 0
  }
}
