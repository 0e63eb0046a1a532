/** A word of the hypothesis that a word of the reference can be matched with. */
export interface Candidate {
  /** Index of the hypothesis's word. */
  readonly word: number
  /** How they match: 0 the same word, 1 the same stem, 2 a common sense. */
  readonly module: number
}

/** Alignments followed at a time (METEOR 1.5's default). */
const BEAM = 40

/** An alignment of the first words of the reference. */
interface Path {
  /** For each word of the reference what it is matched with. */
  readonly matches: (Candidate | undefined)[]
  /** Words of the hypothesis that are taken. */
  readonly taken: boolean[]
  exact: number
  chunks: number
  /** Sum of the distances between matched words. */
  distance: number
  /** The hypothesis's word that would continue the chunk; -1 where none is open. */
  next: number
}

/**
 * METEOR's alignment: each word is matched once at most, with the most matches, then the fewest chunks, then the shortest
 * distances. It is METEOR 1.5's beam search with its peculiarities: only exact matches count as matches here, since the
 * half that the others are worth is cut to an integer, and a distance is added to the path that a match was tried on, not
 * to the one that has it.
 *
 * @param candidates For each word of the reference, in the order of the modules.
 * @param words Number of words of the hypothesis.
 */
export function align(candidates: readonly (readonly Candidate[])[], words: number): (Candidate | undefined)[] {
  const forced = unambiguous(candidates, words)
  const taken = new Array<boolean>(words).fill(false)
  for (const candidate of forced) if (candidate) taken[candidate.word] = true
  let paths: Path[] = [{ matches: [...forced], taken, exact: 0, chunks: 0, distance: 0, next: -1 }]
  for (const [place, options] of candidates.entries()) {
    const best = paths.sort(comparePaths).slice(0, BEAM)
    paths = best.flatMap((path) => extend(path, place, options, forced[place]))
  }
  const finished = paths.sort(comparePaths).slice(0, BEAM)
  for (const path of finished) if (path.next !== -1) path.chunks++
  return finished.sort(comparePaths)[0]!.matches
}

/** Matches between two words that can be matched with nothing else. */
function unambiguous(candidates: readonly (readonly Candidate[])[], words: number): (Candidate | undefined)[] {
  const uses = new Array<number>(words).fill(0)
  for (const { word } of candidates.flat()) uses[word]!++
  return candidates.map(([only, ...others]) =>
    only && others.length === 0 && uses[only.word] === 1 ? only : undefined,
  )
}

function extend(path: Path, place: number, options: readonly Candidate[], forced: Candidate | undefined): Path[] {
  if (forced) {
    count(path, forced)
    path.distance += Math.abs(place - forced.word)
    return [path]
  }
  const extended: Path[] = []
  for (const option of options) {
    if (path.taken[option.word]) continue
    const copy = { ...path, matches: [...path.matches], taken: [...path.taken] }
    copy.matches[place] = option
    copy.taken[option.word] = true
    count(copy, option)
    path.distance += Math.abs(place - option.word)
    extended.push(copy)
  }
  if (path.next !== -1) {
    path.chunks++
    path.next = -1
  }
  return [...extended, path]
}

function count(path: Path, { word, module }: Candidate): void {
  if (module === 0) path.exact++
  if (path.next !== -1 && path.next !== word) path.chunks++
  path.next = word + 1
}

const comparePaths = (a: Path, b: Path): number => b.exact - a.exact || a.chunks - b.chunks || a.distance - b.distance
