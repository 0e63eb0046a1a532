import { parameterCount } from '../../models/architectureSpecs.js'
import type { ModelConfig, ModelPart, NewPart } from '../../weights/modelDirectory.js'

interface FinetunedTask {
  readonly what: string
  readonly use: string
  readonly evaluation: string
  readonly wrong: string
}

const SURE = 'What it says sounds sure whether it is right or not: nothing that matters should rest on it unread.'

const TASKS: Readonly<Record<string, FinetunedTask>> = {
  caption: {
    what: 'describes pictures, after the words "a photo of"',
    use: 'npx blip2 caption picture.png --model DIR',
    evaluation: 'npx blip2 eval caption --model DIR --data DATA --coco-metrics --json',
    wrong: `It names something near instead of the thing itself, miscounts, and says what is often together though the picture does not show it. ${SURE}`,
  },
  vqa: {
    what: 'answers questions about pictures in a few words; its Q-Former reads the question too',
    use: "npx blip2 ask picture.png 'how many animals are there?' --model DIR",
    evaluation: 'npx blip2 eval vqa --model DIR --data DATA --json',
    wrong: `Where it cannot see the answer it gives the one that is frequent for such a question, and it answers questions that have no answer. It does not reason beyond what it was asked in training. ${SURE} Read its score beside that of the guesser who sees no picture, which \`eval vqa\` prints.`,
  },
  retrieval: {
    what: 'tells which text fits a picture, and finds pictures by text',
    use: "npx blip2 match picture.png 'a red apple' 'a green apple' --model DIR",
    evaluation: 'npx blip2 eval retrieval --model DIR --data DATA --json',
    wrong:
      'Texts that differ in one word, in who does what to whom, or in a number are confused. A score says that a text fits better than others, not that it is true.',
  },
}

/** Where training data comes from, and what else the model does not know. */
const DATA = {
  scenes: {
    source:
      'Scenes of the split train: up to four drawings by six vendors on a ground of one colour, drawn as they are needed; names from CLDR. Licences: NOTICE of the package.',
    limits:
      'It knows scenes of up to four drawings in the manner of emoji, in quadrants, and nothing of photographs. Drawings by artists it has not seen, drawings of other sizes and such as cover each other are harder (`scenes:hard`). The words are English. Flags, letters and people stand for no more than their drawing shows.',
    evaluated: 'scenes:test',
  },
  emoji: {
    source: 'Drawings of the split train by six vendors; names from CLDR. Licences: NOTICE of the package.',
    limits: 'It knows drawings in the manner of emoji and their English names, and nothing of photographs.',
    evaluated: 'emoji:test-style',
  },
  folder: {
    source:
      'A folder of pictures, which this card does not describe: say where they come from and under which licences.',
    limits: 'It knows pictures and texts like those of that folder, with whatever is missing or one-sided in them.',
    evaluated: 'FOLDER',
  },
} as const

export interface FinetunedCardOptions {
  /** The training's settings, resolved; `task` says which. */
  readonly task: Readonly<Record<string, unknown>>
  /** As the command was given it; the path of a folder is not told. */
  readonly data: string
}

/** The card of a fine-tuned model: what it does, came from and gets wrong. Results are added after evaluation. */
export function finetunedCard(
  config: ModelConfig,
  parts: Readonly<Partial<Record<ModelPart, NewPart>>>,
  { task: training, data }: FinetunedCardOptions,
): string {
  const { what, use, evaluation, wrong } = TASKS[String(training['task'])]!
  const { source, limits, evaluated } =
    DATA[data === 'emoji' ? 'emoji' : data.startsWith('scenes:') ? 'scenes' : 'folder']
  const rows = Object.entries(parts).map(([part, weights]) => {
    return `| ${part} | ${countOf(weights)} | ${part === 'language' ? 'frozen' : 'trained'} |`
  })
  const { vision, qformer, language } = config
  return `# A BLIP-2 that ${what}

Pictures of ${vision.imageSize} pixels, ${qformer.queries} queries, a frozen language model in ${language.kind === 'opt' ? "OPT's" : "T5's"} form.

\`\`\`sh
${use}
\`\`\`

| part | parameters | in this training |
|---|---|---|
${rows.join('\n')}

## Data and licences
${source} Weights: Apache-2.0.

## What it gets wrong
${limits} ${wrong} \`caption\` and \`ask\` take a filter for their output, in the library and the server.

## Evaluation
\`\`\`sh
${evaluation.replace('DATA', evaluated)}
\`\`\`

## Training
\`npx blip2 finetune ${training['task']}\`, resolved:

\`\`\`json
${JSON.stringify(training, null, 2)}
\`\`\`
`
}

function countOf(part: NewPart): string {
  if ('onnx' in part) return 'an ONNX file'
  return parameterCount('source' in part ? part.wanted : part).toLocaleString('en')
}
