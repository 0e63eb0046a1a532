import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { shareOfNames } from './capfiltCaptions.js'

const scoresSchema = z.object({
  textRecallAt1: z.number(),
  itcTextRecallAt1: z.number(),
  imageRecallAt1: z.number(),
  exactMatch: z.number(),
  wordF1: z.number(),
})

const NAMES = {
  rightNames: 'names among the captions',
  textRecallAt1: 'picture to name, R@1',
  itcTextRecallAt1: 'the same by ITC alone',
  imageRecallAt1: 'name to picture, R@1',
  exactMatch: 'captions, exact',
  wordF1: 'captions, word F1',
} as const
type Score = keyof typeof NAMES
type Scores = Readonly<Partial<Record<Score, number>>>

/** What is trained on and compared, in the order of the table: where names are spoiled, and where icons are named. */
export const comparedSets = (spoiled: boolean): readonly [string, string, string] =>
  spoiled ? ['noisy', 'capfilt', 'true'] : ['teacher', 'noisy', 'capfilt']

/**
 * A table of means over the seeds' folders: what noise cost and how much of it CapFilt won back; with icons, what they
 * give as they are named and with CapFilt's captions.
 */
export async function summarize(folders: readonly string[]): Promise<string> {
  const spoiled = await exists(join(folders[0]!, 'true.json'))
  const sets = comparedSets(spoiled)
  const seeds = await Promise.all(folders.map((folder) => Promise.all(sets.map((set) => readScores(folder, set)))))
  const rows = (Object.keys(NAMES) as Score[]).flatMap((score) => {
    const means = sets.map((_, i) => mean(seeds.map((scores) => scores[i]![score])))
    if (means.some(Number.isNaN)) return []
    const [first, second, third] = means as [number, number, number]
    const won = spoiled ? wonBack(first, second, third) : points(third - second)
    return [[NAMES[score], ...means.map(percent), won]]
  })
  const head = ['', ...sets, spoiled ? 'of the loss won back' : 'capfilt over noisy, points']
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return `${seeds.length} seed${seeds.length === 1 ? '' : 's'}\n\n${lines.join('\n')}`
}

/** Of icons nobody knows the right names. */
async function readScores(folder: string, set: string): Promise<Scores> {
  const read = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8')) as object
  const scores = { ...(await read(`${set}-retrieval.json`)), ...(await read(`${set}-caption.json`)) }
  const hasNames = await exists(join(folder, 'true'))
  return { ...scoresSchema.parse(scores), ...(hasNames ? { rightNames: await shareOfNames(folder, set) } : {}) }
}

/** NaN where a value is missing. */
const mean = (values: readonly (number | undefined)[]): number =>
  values.reduce<number>((sum, value) => sum + (value ?? Number.NaN), 0) / values.length

/** Where noise cost nothing there is nothing to win back. */
const wonBack = (noisy: number, capfilt: number, clean: number): string =>
  clean > noisy ? `${Math.round((100 * (capfilt - noisy)) / (clean - noisy))} %` : 'nothing lost'

const percent = (part: number): string => (100 * part).toFixed(1)
const points = (difference: number): string => `${difference < 0 ? '' : '+'}${percent(difference)}`

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
