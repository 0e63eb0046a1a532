import { type Command, Option } from 'commander'
import { loadSceneDrawings } from '../data/scenes/drawings.js'
import { SCENE_SIZE, SCENE_SPLITS, SceneSet, type SceneSplit, sceneStyle } from '../data/scenes/sceneSet.js'
import { writeScenes } from '../data/scenes/writeScenes.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption, positiveInteger, wholeNumber } from './options.js'
import { progressLine } from './progress.js'

type Flags = JsonOption & {
  readonly split: SceneSplit
  readonly count: number
  readonly seed: number
  readonly size: number
  readonly out: string
  readonly cache?: string
}

/** `blip2 data scenes`: pictures of several drawings, with captions and questions. */
export function registerDataScenes(data: Command, io: Io): void {
  const command = data
    .command('scenes')
    .description('write pictures of several drawings with captions and questions, as COCO captions and VQA v2')
    .addOption(new Option('--split <name>', 'which scenes').choices(SCENE_SPLITS).default('train'))
    .addOption(new Option('--count <n>', 'pictures, an even number').argParser(positiveInteger).default(1000))
    .addOption(new Option('--seed <n>', 'of all scenes').argParser(wholeNumber).default(0))
    .addOption(new Option('--size <pixels>', 'side of a picture').argParser(positiveInteger).default(SCENE_SIZE))
    .requiredOption('--out <folder>', 'where they go')
    .option('--cache <directory>', 'where renders of the drawings are kept')
    .action(async ({ split, count, seed, size, out, cache, json }: Flags) => {
      const progress = progressLine(io)
      const drawings = await loadSceneDrawings(sceneStyle(split), {
        signal: io.signal,
        onProgress: ({ vendor, done, total }) => progress.report(`rendering ${vendor.id}`, done, total),
        ...(cache === undefined ? {} : { cacheDir: cache }),
      })
      const scenes = new SceneSet(drawings, { split, count, seed, size })
      await writeScenes(scenes, out, {
        signal: io.signal,
        onProgress: (done, total) => progress.report('writing', done, total),
      })
      progress.clear()
      const written = { out, split, pictures: count, questions: count, things: drawings.items.length }
      if (json) printJson(io, written)
      else
        io.out(
          `${count} pictures of ${split} with captions and questions, made of ${drawings.items.length} things: ${out}\n`,
        )
    })
  addJsonOption(command)
}
