import { ConfigError } from '../errors.js'

/** A word as a row of symbols, and how often the corpus has it. */
export interface CountedWord {
  symbols: readonly string[]
  count: number
}

export interface LearnMergesOptions {
  /** The first symbols, in the order of their ids. Every symbol of every word must be among them. */
  alphabet: readonly string[]
  words: Iterable<CountedWord>
  /** Stop when there are this many symbols, the alphabet included. */
  maxSymbols: number
  /** Stop when no pair is this frequent. */
  minCount: number
  /** The text of two joined symbols. */
  join(left: string, right: string): string
}

export interface LearnedMerges {
  /** The alphabet, then the symbols made by merging, in the order they were made. */
  symbols: string[]
  /** The pairs merged, first merge first. Two pairs can make one symbol, so there may be more merges than new symbols. */
  merges: [left: string, right: string][]
}

/**
 * Byte-pair encoding (Sennrich et al. 2016, algorithm 1): merges the most frequent neighbouring pair again and again.
 * Only the words that hold a merged pair are counted anew, and a heap with stale entries finds the next pair, so the
 * time grows with the number of changes and not with merges x words. Equal counts: the pair of older symbols wins.
 */
export function learnMerges({ alphabet, words, maxSymbols, minCount, join }: LearnMergesOptions): LearnedMerges {
  const symbols = [...alphabet]
  const idOfSymbol = new Map(symbols.map((symbol, id) => [symbol, id]))
  const rows = [...words].map(({ symbols: row, count }) => ({
    ids: row.map((symbol) => lookUp(idOfSymbol, symbol)),
    count,
  }))
  const merges: [string, string][] = []

  const pairs = new PairCounts()
  rows.forEach((row, index) => {
    pairs.add(row.ids, row.count, index)
  })
  pairs.queueChanged()

  while (symbols.length < maxSymbols) {
    const best = pairs.popMostFrequent()
    if (!best || best.count < minCount) break
    const [left, right] = [Math.floor(best.pair / PAIR_BASE), best.pair % PAIR_BASE]
    const joined = join(symbols[left]!, symbols[right]!)
    merges.push([symbols[left]!, symbols[right]!])
    let id = idOfSymbol.get(joined)
    if (id === undefined) {
      id = symbols.push(joined) - 1
      idOfSymbol.set(joined, id)
    }
    for (const index of pairs.takeWordsWith(best.pair)) {
      const row = rows[index]!
      pairs.add(row.ids, -row.count, index)
      row.ids = mergePair(row.ids, left, right, id)
      pairs.add(row.ids, row.count, index)
    }
    pairs.queueChanged()
  }
  return { symbols, merges }
}

function lookUp(idOfSymbol: ReadonlyMap<string, number>, symbol: string): number {
  const id = idOfSymbol.get(symbol)
  if (id === undefined) throw new ConfigError(`The symbol ${JSON.stringify(symbol)} of a word is not in the alphabet.`)
  return id
}

function mergePair(ids: readonly number[], left: number, right: number, joined: number): number[] {
  const merged: number[] = []
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      merged.push(joined)
      i++
    } else {
      merged.push(ids[i]!)
    }
  }
  return merged
}

/** A pair of symbol ids is one number, left * PAIR_BASE + right: exact while ids stay below 2^21. */
const PAIR_BASE = 2 ** 21

interface CountedPair {
  pair: number
  count: number
}

/** How often each pair occurs, in which words, and the most frequent one. */
class PairCounts {
  readonly #counts = new Map<number, number>()
  readonly #wordsWith = new Map<number, Set<number>>()
  readonly #changed = new Set<number>()
  /** A heap, most frequent first. Entries may be older than `#counts`; those are corrected when they come up. */
  readonly #heap: CountedPair[] = []

  /** Counts the pairs of a word `count` times (negative: takes them back). */
  add(ids: readonly number[], count: number, word: number): void {
    for (let i = 1; i < ids.length; i++) {
      const pair = ids[i - 1]! * PAIR_BASE + ids[i]!
      this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + count)
      if (count < 0) continue
      this.#changed.add(pair)
      const words = this.#wordsWith.get(pair)
      if (words) words.add(word)
      else this.#wordsWith.set(pair, new Set([word]))
    }
  }

  queueChanged(): void {
    for (const pair of this.#changed) this.#push({ pair, count: this.#counts.get(pair)! })
    this.#changed.clear()
  }

  popMostFrequent(): CountedPair | undefined {
    for (let top = this.#pop(); top; top = this.#pop()) {
      const count = this.#counts.get(top.pair) ?? 0
      if (count === top.count) return top
      if (count > 0 && count < top.count) this.#push({ pair: top.pair, count })
    }
    return undefined
  }

  /** The words that may hold a pair; the pair is then forgotten. */
  takeWordsWith(pair: number): Set<number> {
    const words = this.#wordsWith.get(pair) ?? new Set()
    this.#wordsWith.delete(pair)
    return words
  }

  #push(entry: CountedPair): void {
    const heap = this.#heap
    let i = heap.length
    for (let parent = (i - 1) >> 1; i > 0 && comesFirst(entry, heap[parent]!); parent = (i - 1) >> 1) {
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = entry
  }

  #pop(): CountedPair | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (heap.length === 0 || !last) return top
    let i = 0
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && comesFirst(heap[child + 1]!, heap[child]!)) child++
      if (!comesFirst(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return top
  }
}

function comesFirst(a: CountedPair, b: CountedPair): boolean {
  return a.count > b.count || (a.count === b.count && a.pair < b.pair)
}
