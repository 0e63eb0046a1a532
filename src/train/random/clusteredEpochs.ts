import { Random } from './random.js'

/**
 * The index at each position of an endless sequence of epochs, each of them all of 0..kinds.length-1 in an order of its
 * own, in which up to `run` of one kind stand together.
 * @param kinds The kind of each index.
 */
export function clusteredEpochs(kinds: readonly number[], run: number, seed: number): (position: number) => number {
  let epoch = -1
  let order: readonly number[] = []
  return (position) => {
    const wanted = Math.floor(position / kinds.length)
    if (wanted !== epoch) {
      epoch = wanted
      order = clusteredOrder(kinds, run, new Random(seed, `clustered epoch/${epoch}`))
    }
    return order[position % kinds.length]!
  }
}

function clusteredOrder(kinds: readonly number[], run: number, random: Random): number[] {
  const open = new Map<number, number[]>()
  const runs: number[][] = []
  for (const index of random.shuffle(kinds.map((_, i) => i))) {
    const kind = kinds[index]!
    const last = open.get(kind)
    if (last && last.length < run) last.push(index)
    else {
      const started = [index]
      open.set(kind, started)
      runs.push(started)
    }
  }
  return random.shuffle(runs).flat()
}
