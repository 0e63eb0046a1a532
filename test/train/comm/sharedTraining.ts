import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CaptionedPictures } from '../../../src/data/captionedPictures.js'
import { type Communicator, SingleProcess } from '../../../src/train/comm/communicator.js'
import { Replicas } from '../../../src/train/comm/replicas.js'
import { type TrainingTask, type TrainOptions, train } from '../../../src/train/loop.js'
import { stage1Task } from '../../../src/train/pretrain/stage1Task.js'
import { stage2Task } from '../../../src/train/pretrain/stage2Task.js'
import { stage2T5Task } from '../../../src/train/t5/stage2T5Task.js'
import type { StageParts } from '../../../src/train/pretrain/stageTask.js'
import {
  bpe,
  stage1Config,
  stage2Config,
  tinyEncoder,
  tinyLanguage,
  tinyPictures,
  wordPiece,
} from '../pretrain/tiny.js'
import { openAnswers } from '../finetune/tinyAnswers.js'
import { tinyStage2T5, tinyT5, tokenizer as t5Words } from '../t5/tinyT5.js'

/** Captions of many lengths, so that ranks have different numbers of tokens; some pictures are of the same thing. */
export const unevenPictures: CaptionedPictures = {
  ...tinyPictures,
  captions: (index) => {
    const [caption] = tinyPictures.captions(index)
    return [caption!, ...(index % 3 === 0 ? [caption!.slice(0, 5)] : [])]
  },
  imageId: (index) => index % 9,
}

export type Kind = 'stage1' | 'stage1 gathered' | 'stage1 distractors' | 'stage2' | 'stage2 t5' | 'answers'

/** The same training whatever the number of ranks, and of passes. */
export function openShared(
  kind: Kind,
  steps: number,
  communicator?: Communicator,
  settings: Pick<StageParts, 'accumulate' | 'recompute'> = {},
): Promise<TrainingTask> {
  if (kind === 'answers') return openAnswers(steps, { dropout: 0 }, communicator)
  const shared = communicator ? { communicator } : {}
  const parts = { encoder: tinyEncoder(), pictures: unevenPictures, ...shared, ...settings }
  if (kind === 'stage2 t5')
    return stage2T5Task(tinyStage2T5(steps), { ...parts, language: tinyT5(), tokenizer: t5Words, stage1: undefined })
  return kind === 'stage2'
    ? stage2Task(stage2Config(steps), { ...parts, language: tinyLanguage(), tokenizer: bpe, stage1: undefined })
    : stage1Task(
        {
          ...stage1Config(steps),
          itcGradient: kind === 'stage1 gathered' ? 'gathered' : 'full',
          // Not to be shared evenly.
          distractors: kind === 'stage1 distractors' ? 5 : 0,
        },
        { ...parts, tokenizer: wordPiece },
      )
}

/** By parameter: the gradient of the first step, the mean over the ranks. */
export type Gradients = Record<string, number[]>

/** Computes the gradients of the first step into gradients.json, then trains. */
export async function trainShared(
  task: TrainingTask,
  options: TrainOptions,
  communicator: Communicator = new SingleProcess(),
): Promise<void> {
  const { memory } = task.program
  const replicas = new Replicas(communicator, memory)
  replicas.clear()
  await replicas.add(await task.program.run(0, await task.feeds(0)))
  const gradients: Gradients = Object.fromEntries(
    memory.parameters.map(({ name, gradient }) => [name, Array.from(gradient, (g) => g * replicas.gradientScale)]),
  )
  if (communicator.rank === 0) {
    await mkdir(options.directory, { recursive: true })
    await writeFile(join(options.directory, 'gradients.json'), JSON.stringify(gradients))
  }
  await train(task, { ...options, communicator })
}
