import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { shareOfNames } from './capfiltCaptions.js'

const scoresSchema = z.object({
  textRecallAt1: z.number(),
  imageRecallAt1: z.number(),
  itcTextRecallAt1: z.number(),
  exactMatch: z.number(),
  wordF1: z.number(),
})

interface Scores extends z.infer<typeof scoresSchema> {
  readonly rightNames: number
}

const SETS = ['noisy', 'capfilt', 'true'] as const
const NAMES: Readonly<Record<keyof Scores, string>> = {
  rightNames: 'names among the captions',
  textRecallAt1: 'picture to name, R@1',
  itcTextRecallAt1: 'the same by ITC alone',
  imageRecallAt1: 'name to picture, R@1',
  exactMatch: 'captions, exact',
  wordF1: 'captions, word F1',
}

/** A table of what noise cost and how much of it CapFilt won back, as means over the seeds' folders. */
export async function summarize(folders: readonly string[]): Promise<string> {
  const seeds = await Promise.all(folders.map(readSeed))
  const mean = (set: (typeof SETS)[number], score: keyof Scores) =>
    seeds.reduce((sum, scores) => sum + scores[set][score], 0) / seeds.length
  const rows = (Object.keys(NAMES) as (keyof Scores)[]).map((score) => {
    const [noisy, capfilt, clean] = SETS.map((set) => mean(set, score)) as [number, number, number]
    return [NAMES[score], ...[noisy, capfilt, clean].map(percent), wonBack(noisy, capfilt, clean)]
  })
  const head = ['', ...SETS, 'of the loss won back']
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return `${seeds.length} seed${seeds.length === 1 ? '' : 's'}\n\n${lines.join('\n')}`
}

/** Where noise cost nothing there is nothing to win back. */
const wonBack = (noisy: number, capfilt: number, clean: number): string =>
  clean > noisy ? `${Math.round((100 * (capfilt - noisy)) / (clean - noisy))} %` : 'nothing lost'

async function readSeed(folder: string): Promise<Record<(typeof SETS)[number], Scores>> {
  const read = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8')) as object
  const entries = await Promise.all(
    SETS.map(async (set) => {
      const scores = { ...(await read(`${set}-retrieval.json`)), ...(await read(`${set}-caption.json`)) }
      return [set, { ...scoresSchema.parse(scores), rightNames: await shareOfNames(folder, set) }] as const
    }),
  )
  return Object.fromEntries(entries) as Record<(typeof SETS)[number], Scores>
}

const percent = (part: number): string => (100 * part).toFixed(1)
