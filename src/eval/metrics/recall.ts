/** The part of the ranks that is below `count`. ranks: of the first right answer, 0 for the first place. */
export const recallAt = (count: number, ranks: readonly number[]): number =>
  ranks.filter((rank) => rank < count).length / ranks.length

/** Where the first right column of a row stands; infinite where none does. order: columns, best first. */
export function rankOf(order: readonly number[], isRight: (column: number) => boolean): number {
  const at = order.findIndex(isRight)
  return at < 0 ? Number.POSITIVE_INFINITY : at
}
