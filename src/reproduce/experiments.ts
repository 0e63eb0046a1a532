import { ConfigError } from '../errors.js'
import { loadSceneDrawings } from '../data/scenes/drawings.js'
import { SceneSet } from '../data/scenes/sceneSet.js'
import { architectureSpecs, parameterCount } from '../models/architectureSpecs.js'
import { ARCHITECTURES } from '../models/presets.js'
import type { Stage1Objective } from '../train/objectives/stage1.js'
import { readModelDirectory } from '../weights/modelDirectory.js'
import type { Experiment, Variant } from './experiment.js'
import type { ExperimentSize } from './experimentSize.js'
import type { RunContext } from './runContext.js'
import {
  captionScores,
  quickLanguage,
  quickStage1,
  quickStage2,
  quickVqa,
  retrievalScores,
  shortVision,
  vqaScores,
  withQueries,
} from './trainings.js'

const fullStage1 = (context: RunContext) => quickStage1(context, 'full')

/** Captions after stage 2; what the context lacks ends the run with the way to get it. */
const captionsAfter =
  (name: string, before: 'stage 1' | 'nothing', language: 'opt' | 't5' = 'opt'): Variant['run'] =>
  async (context) => {
    const languageModel = language === 't5' ? { languageModel: t5Of(context) } : {}
    const stage1 = before === 'stage 1' ? await fullStage1(context) : 'none'
    const vision = stage1 === 'none' ? { vision: context.model } : {}
    return captionScores(context, await quickStage2(context, name, { stage1, ...vision, ...languageModel }))
  }

function t5Of({ t5 }: RunContext): string {
  if (t5 === undefined)
    throw new ConfigError(
      'this experiment needs a language model in T5\'s form: train one with "blip2 train t5" and give --t5 DIR',
    )
  return t5
}

/** Without ITM there is no matching head to order candidates by: ITC alone ranks them. */
const withObjectives =
  (name: string, objectives: readonly Stage1Objective[]): Variant['run'] =>
  async (context) => {
    const all = objectives.length === 3
    const run = await (all ? fullStage1(context) : quickStage1(context, name, { objectives }))
    return retrievalScores(context, run, objectives.includes('itm') ? {} : { k: 1 })
  }

const withLanguage =
  (name: string, width: number, layers: number): Variant['run'] =>
  async (context) => {
    const sizes = { width, layers, heads: width / 32, feedForward: 4 * width }
    const languageModel = `${await quickLanguage(context, name, sizes)}/model`
    return captionScores(
      context,
      await quickStage2(context, name, { stage1: await fullStage1(context), languageModel }),
    )
  }

const queries = (count: number): Variant => ({
  name: `${count} queries`,
  run: async (context) => {
    const { config } = await readModelDirectory(context.model)
    const run =
      config.qformer.queries === count
        ? await fullStage1(context)
        : await quickStage1(context, `queries-${count}`, { vision: await withQueries(context, count) })
    return retrievalScores(context, run)
  },
})

/** Answers with so many answered questions in front, which the picture does not show. */
const inContext = (shots: number): Variant => ({
  name: `${shots} examples`,
  run: async (context) => {
    const options = { ...(context.cacheDir === undefined ? {} : { cacheDir: context.cacheDir }) }
    const scenes = new SceneSet(await loadSceneDrawings('train', options), {
      split: 'train',
      count: 18,
      seed: context.seed,
    })
    const examples = Array.from({ length: shots }, (_, i) => {
      const { question, answer } = scenes.question(2 * i)
      return `Question: ${question} Answer: ${answer}. `
    })
    return vqaScores(context, context.model, `${examples.join('')}Question: {} Answer:`)
  },
})

/** Every experiment, with trainings of a size. */
export const experimentsOf = ({ vision: weakSteps }: ExperimentSize): readonly Experiment[] => [
  {
    letter: 'a',
    title: 'Stage 2 with and without stage 1, OPT',
    paper: 'Figure 5: without stage 1, zero-shot answers are much worse.',
    score: { name: 'wordF1', better: 'higher' },
    variants: [
      { name: 'with stage 1', run: captionsAfter('opt-with', 'stage 1') },
      { name: 'without', run: captionsAfter('opt-without', 'nothing') },
    ],
    expected: ['with stage 1', 'without'],
  },
  {
    letter: 'a5',
    title: 'Stage 2 with and without stage 1, T5',
    needs: 't5',
    paper: 'Figure 5: without stage 1, zero-shot answers are worse.',
    score: { name: 'wordF1', better: 'higher' },
    variants: [
      { name: 'with stage 1', run: captionsAfter('t5-with', 'stage 1', 't5') },
      { name: 'without', run: captionsAfter('t5-without', 'nothing', 't5') },
    ],
    expected: ['with stage 1', 'without'],
  },
  {
    letter: 'b',
    title: 'Objectives of stage 1, retrieval',
    paper: 'Table 6: generation (ITG) helps retrieval.',
    score: { name: 'textRecallAt1', better: 'higher' },
    variants: [
      { name: 'ITC', run: withObjectives('itc', ['itc']) },
      { name: 'ITC + ITM', run: withObjectives('itc-itm', ['itc', 'itm']) },
      { name: 'ITC + ITM + ITG', run: withObjectives('full', ['itc', 'itm', 'itg']) },
    ],
    expected: ['ITC + ITM + ITG', 'ITC + ITM'],
  },
  {
    letter: 'c-vision',
    title: 'A weaker and a stronger image encoder',
    paper: 'Table 2: a stronger image encoder is better.',
    score: { name: 'textRecallAt1', better: 'higher' },
    variants: [
      {
        name: `encoder of ${weakSteps} steps`,
        run: async (context) => {
          const vision = `${await shortVision(context)}/model`
          return retrievalScores(context, await quickStage1(context, 'weak-vision', { vision }))
        },
      },
      { name: "the model's encoder", run: async (context) => retrievalScores(context, await fullStage1(context)) },
    ],
    expected: ["the model's encoder", `encoder of ${weakSteps} steps`],
  },
  {
    letter: 'c-language',
    title: 'A smaller and a larger language model',
    paper: 'Table 2: a larger language model is better.',
    score: { name: 'wordF1', better: 'higher' },
    variants: [
      { name: '2 layers x 96', run: withLanguage('small', 96, 2) },
      { name: '6 layers x 192', run: withLanguage('large', 192, 6) },
    ],
    expected: ['6 layers x 192', '2 layers x 96'],
  },
  {
    letter: 'c-kind',
    title: 'OPT and T5',
    needs: 't5',
    paper: 'Table 2: instruction-tuned Flan-T5 is better than OPT.',
    score: { name: 'wordF1', better: 'higher' },
    variants: [
      { name: 'OPT', run: captionsAfter('opt-with', 'stage 1') },
      { name: 'T5', run: captionsAfter('t5-with', 'stage 1', 't5') },
    ],
    expected: ['T5', 'OPT'],
  },
  {
    letter: 'd',
    title: 'Answers, zero-shot and fine-tuned',
    paper: 'Tables 2 and 4: fine-tuning raises VQA far above zero-shot.',
    score: { name: 'accuracy', better: 'higher' },
    variants: [
      { name: 'zero-shot', run: (context) => vqaScores(context, context.model) },
      { name: 'fine-tuned', run: async (context) => vqaScores(context, context.vqa ?? (await quickVqa(context))) },
    ],
    expected: ['fine-tuned', 'zero-shot'],
  },
  {
    letter: 'e',
    title: 'Number of queries',
    paper: 'Section 3.1 takes 32 queries and compares no other number.',
    score: { name: 'textRecallAt1', better: 'higher' },
    variants: [4, 8, 16].map(queries),
  },
  {
    letter: 'f',
    title: 'Trainable and total parameters, millions',
    paper: 'Table 1: BLIP-2 trains a small part of its parameters.',
    score: { name: 'trainable', better: 'lower' },
    seeds: 1,
    variants: [
      { name: 'the model here', run: async ({ model }) => counts((await readModelDirectory(model)).config) },
      ...Object.entries(ARCHITECTURES).map(([name, config]) => ({ name, run: async () => counts(config) })),
    ],
  },
  {
    letter: 'g',
    title: 'In-context examples in the prompt',
    paper: 'Section 5: examples in the prompt do not help.',
    score: { name: 'accuracy', better: 'higher' },
    variants: [0, 1, 3].map(inContext),
    expected: ['0 examples', '3 examples'],
  },
]

function counts(config: Parameters<typeof architectureSpecs>[0]) {
  const { vision, bridge, language } = architectureSpecs(config)
  const [frozen, trainable] = [parameterCount(vision) + parameterCount(language), parameterCount(bridge)]
  return { trainable: trainable / 1e6, total: (frozen + trainable) / 1e6 }
}
