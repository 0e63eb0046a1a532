import { Random } from './random.js'

/** The index at each position of an endless sequence of epochs, each of them all of 0..count-1 in an order of its own. */
export function shuffledEpochs(count: number, seed: number): (position: number) => number {
  let epoch = -1
  let order = new Uint32Array(0)
  return (position) => {
    const wanted = Math.floor(position / count)
    if (wanted !== epoch) {
      epoch = wanted
      order = new Random(seed, `epoch/${epoch}`).shuffle(Uint32Array.from({ length: count }, (_, i) => i))
    }
    return order[position % count]!
  }
}
