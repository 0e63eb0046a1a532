import { DataError } from '../../errors.js'

/** Parts of the queries whose first right answer is among the first 1, 5 and 10; 0 to 1. */
export interface Recalls {
  readonly at1: number
  readonly at5: number
  readonly at10: number
}

/** The part of the ranks that is below `count`. ranks: of the first right answer, 0 for the first place. */
export const recallAt = (count: number, ranks: readonly number[]): number =>
  ranks.filter((rank) => rank < count).length / ranks.length

export const recalls = (ranks: readonly number[]): Recalls => ({
  at1: recallAt(1, ranks),
  at5: recallAt(5, ranks),
  at10: recallAt(10, ranks),
})

/** Where the first right column of a row stands; infinite where none does. order: columns, best first. */
export function rankOf(order: readonly number[], isRight: (column: number) => boolean): number {
  const at = order.findIndex(isRight)
  return at < 0 ? Number.POSITIVE_INFINITY : at
}

/**
 * Retrieval recall in both directions from scores: a caption is right for its own picture.
 *
 * @param imageToText [pictures, captions], row-major
 * @param textToImage [captions, pictures], row-major
 * @param pictureOf the row of each caption's picture
 * @throws DataError where the sizes do not fit.
 */
export function retrievalRecall(
  imageToText: ArrayLike<number>,
  textToImage: ArrayLike<number>,
  pictureOf: readonly number[],
  pictures: number,
): { readonly text: Recalls; readonly image: Recalls } {
  const captions = pictureOf.length
  for (const [name, scores] of Object.entries({ imageToText, textToImage }))
    if (scores.length !== pictures * captions)
      throw new DataError(`${name} has ${scores.length} scores; expected ${pictures} pictures x ${captions} captions`)
  const text = Array.from({ length: pictures }, (_, picture) =>
    firstPlace(imageToText, picture, captions, (caption) => pictureOf[caption] === picture),
  )
  const image = pictureOf.map((own, caption) =>
    firstPlace(textToImage, caption, pictures, (picture) => picture === own),
  )
  return { text: recalls(text), image: recalls(image) }
}

/** How many columns stand before the best right one; a tie is lost to a lower column. */
function firstPlace(
  scores: ArrayLike<number>,
  row: number,
  columns: number,
  isRight: (column: number) => boolean,
): number {
  const at = (column: number) => scores[row * columns + column]!
  let best = -1
  for (let column = 0; column < columns; column++)
    if (isRight(column) && (best < 0 || at(column) > at(best))) best = column
  if (best < 0) return Number.POSITIVE_INFINITY
  let before = 0
  for (let column = 0; column < columns; column++)
    if (at(column) > at(best) || (at(column) === at(best) && column < best)) before++
  return before
}
