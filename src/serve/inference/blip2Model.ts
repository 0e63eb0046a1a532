import { queryMaps } from '../../tasks/attentionMaps.js'
import { Blip2, type LoadOptions } from '../../tasks/blip2.js'
import { rankImages, rankTexts } from '../../tasks/rank.js'
import { cosine, matchProbability, type Pair } from '../../tasks/retriever.js'
import type { GeneratedText } from '../../tasks/textOptions.js'
import type {
  InferenceModel,
  InputOf,
  ModelInfo,
  OptionsOf,
  ResultOf,
  TaskName,
  TextTaskName,
} from './inferenceModel.js'

/** A Blip2 in this thread. Its runs block the event loop: a server has it in a ModelThread. */
export class Blip2Model implements InferenceModel {
  readonly info: ModelInfo
  readonly died = new Promise<Error>(() => {})
  readonly #model: Blip2

  private constructor(model: Blip2) {
    this.#model = model
    this.info = { imageSize: model.config.vision.imageSize, queries: model.config.qformer.queries }
  }

  static async open(path: string, options: LoadOptions = {}): Promise<Blip2Model> {
    return new Blip2Model(await Blip2.fromPretrained(path, options))
  }

  async run<T extends TaskName>(
    task: T,
    inputs: readonly InputOf<T>[],
    options: OptionsOf<T>,
    signal: AbortSignal,
  ): Promise<readonly ResultOf<T>[]> {
    const run: Runs[T] = RUNS[task]
    return run(this.#model, inputs, options, signal)
  }

  stream<T extends TextTaskName>(
    task: T,
    input: InputOf<T>,
    options: OptionsOf<T>,
    signal: AbortSignal,
  ): AsyncGenerator<string, GeneratedText> {
    const stream: Streams[T] = STREAMS[task]
    return stream(this.#model, input, options, signal)
  }

  dispose(): Promise<void> {
    return this.#model.dispose()
  }
}

type Runs = {
  readonly [T in TaskName]: (
    model: Blip2,
    inputs: readonly InputOf<T>[],
    options: OptionsOf<T>,
    signal: AbortSignal,
  ) => Promise<readonly ResultOf<T>[]>
}

const imagesOf = <Image>(inputs: readonly { readonly image: Image }[]): Image[] => inputs.map(({ image }) => image)

const RUNS: Runs = {
  caption: (model, inputs, options, signal) => model.caption(imagesOf(inputs), { ...options, signal }),
  ask: (model, inputs, options, signal) => {
    const questions = inputs.map(({ question }) => question)
    return model.ask(imagesOf(inputs), questions, { ...options, signal })
  },
  chat: (model, inputs, options, signal) => {
    const conversations = inputs.map(({ messages }) => messages)
    return model.chat(imagesOf(inputs), conversations, { ...options, signal })
  },
  match,
  embedImage: (model, inputs, _, signal) => model.embedImage(imagesOf(inputs), { signal }),
  embedText: (model, inputs, _, signal) =>
    model.embedText(
      inputs.map(({ text }) => text),
      { signal },
    ),
  embedMultimodal: (model, inputs, _, signal) => {
    const texts = inputs.map(({ text }) => text)
    return model.embedMultimodal(imagesOf(inputs), texts, { signal })
  },
  attention: (model, inputs, { layer }, signal) =>
    oneByOne(inputs, async ({ image, text }) => {
      const attention = await model.attention(image, text, { signal })
      const { rows, columns } = attention
      return { rows, columns, queries: queryMaps(attention, layer) }
    }),
  rankTexts: (model, inputs, { k }, signal) =>
    oneByOne(inputs, async ({ image, texts }) => {
      return rankTexts(model, await model.encode(image, { signal }), texts, { k, signal })
    }),
  rankImages: (model, inputs, { k }, signal) =>
    oneByOne(inputs, async ({ text, images }) => {
      return rankImages(model, text, await model.encode(images, { signal }), { k, signal })
    }),
}

/** Each picture with its own texts, all in the same passes. */
async function match(
  model: Blip2,
  inputs: readonly InputOf<'match'>[],
  _: OptionsOf<'match'>,
  signal: AbortSignal,
): Promise<ResultOf<'match'>[]> {
  const images = await model.encode(imagesOf(inputs), { signal })
  const imageVectors = await model.embedImage(images, { signal })
  const allTexts = inputs.flatMap(({ texts }) => texts)
  const textVectors = await model.embedText(allTexts, { signal })
  const pairs = inputs.flatMap(({ texts }, i) => texts.map((text): Pair => [images[i]!, text]))
  const logits = await model.matchLogits(pairs, { signal })
  let next = 0
  return inputs.map(({ texts }, i) =>
    texts.map(() => {
      const row = next++
      return { itm: matchProbability(logits[row]!), itc: cosine(imageVectors[i]!, textVectors[row]!) }
    }),
  )
}

async function oneByOne<In, Out>(inputs: readonly In[], run: (input: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = []
  for (const input of inputs) results.push(await run(input))
  return results
}

type Streams = {
  readonly [T in TextTaskName]: (
    model: Blip2,
    input: InputOf<T>,
    options: OptionsOf<T>,
    signal: AbortSignal,
  ) => AsyncGenerator<string, GeneratedText>
}

const STREAMS: Streams = {
  caption: (model, { image }, options, signal) => model.caption.stream(image, { ...options, signal }),
  ask: (model, { image, question }, options, signal) => model.ask.stream(image, question, { ...options, signal }),
  chat: (model, { image, messages }, options, signal) => model.chat.stream(image, messages, { ...options, signal }),
}
