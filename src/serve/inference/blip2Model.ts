import { ConfigError, ModelNotFoundError } from '../../errors.js'
import { PictureIndex } from '../../pictureIndex/pictureIndex.js'
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

export interface Blip2ModelOptions extends LoadOptions {
  readonly index?: string
}

/** A Blip2 in this thread. Its runs block the event loop: a server has it in a ModelThread. */
export class Blip2Model implements InferenceModel {
  readonly info: ModelInfo
  readonly died = new Promise<Error>(() => {})
  readonly #held: Held

  private constructor(held: Held, indexed: number | undefined) {
    const { config, retrievalConfig } = held.model
    this.#held = held
    this.info = {
      imageSize: config.vision.imageSize,
      queries: retrievalConfig.qformer.queries,
      candidates: config.generation.candidates ?? 1,
      ...(indexed === undefined ? {} : { indexed }),
    }
  }

  /** @param options.index Folder of a picture index to open with it. */
  static async open(path: string, { index: folder, ...options }: Blip2ModelOptions = {}): Promise<Blip2Model> {
    const model = await Blip2.fromPretrained(path, options)
    try {
      const [size, other] = [model.config, model.retrievalConfig].map(({ vision }) => vision.imageSize)
      // Pictures are made to the model's size when they come, before it is known what is asked of them.
      if (size !== other)
        throw new ConfigError(
          `${path} reads pictures of ${size} pixels and the retrieval model of ${other}; serve them by two servers`,
        )
      const index = folder === undefined ? undefined : await PictureIndex.open(folder)
      return new Blip2Model({ model, index }, await index?.count())
    } catch (error) {
      await model.dispose()
      throw error
    }
  }

  async run<T extends TaskName>(
    task: T,
    inputs: readonly InputOf<T>[],
    options: OptionsOf<T>,
    signal: AbortSignal,
  ): Promise<readonly ResultOf<T>[]> {
    const run: Runs[T] = RUNS[task]
    return run(this.#held, inputs, options, signal)
  }

  stream<T extends TextTaskName>(
    task: T,
    input: InputOf<T>,
    options: OptionsOf<T>,
    signal: AbortSignal,
  ): AsyncGenerator<string, GeneratedText> {
    const stream: Streams[T] = STREAMS[task]
    return stream(this.#held.model, input, options, signal)
  }

  async dispose(): Promise<void> {
    this.#held.index?.close()
    await this.#held.model.dispose()
  }
}

interface Held {
  readonly model: Blip2
  readonly index: PictureIndex | undefined
}

type Runs = {
  readonly [T in TaskName]: (
    held: Held,
    inputs: readonly InputOf<T>[],
    options: OptionsOf<T>,
    signal: AbortSignal,
  ) => Promise<readonly ResultOf<T>[]>
}

const imagesOf = <Image>(inputs: readonly { readonly image: Image }[]): Image[] => inputs.map(({ image }) => image)

const RUNS: Runs = {
  caption: ({ model }, inputs, options, signal) => model.caption(imagesOf(inputs), { ...options, signal }),
  ask: ({ model }, inputs, options, signal) => {
    const questions = inputs.map(({ question }) => question)
    return model.ask(imagesOf(inputs), questions, { ...options, signal })
  },
  chat: ({ model }, inputs, options, signal) => {
    const conversations = inputs.map(({ messages }) => messages)
    return model.chat(imagesOf(inputs), conversations, { ...options, signal })
  },
  match,
  embedImage: ({ model }, inputs, _, signal) => model.embedImage(imagesOf(inputs), { signal }),
  embedText: ({ model }, inputs, _, signal) =>
    model.embedText(
      inputs.map(({ text }) => text),
      { signal },
    ),
  embedMultimodal: ({ model }, inputs, _, signal) => {
    const texts = inputs.map(({ text }) => text)
    return model.embedMultimodal(imagesOf(inputs), texts, { signal })
  },
  attention: ({ model }, inputs, { layer, gradients = false }, signal) =>
    oneByOne(inputs, async ({ image, text }) => {
      const attention = await model.attention(image, text, { gradients, signal })
      const { rows, columns } = attention
      return { rows, columns, queries: queryMaps(attention, layer) }
    }),
  rankTexts: ({ model }, inputs, { k }, signal) =>
    oneByOne(inputs, async ({ image, texts }) => {
      return rankTexts(model, await model.encode(image, { signal }), texts, { k, signal })
    }),
  rankImages: ({ model }, inputs, { k }, signal) =>
    oneByOne(inputs, async ({ text, images }) => {
      return rankImages(model, text, await model.encode(images, { signal }), { k, signal })
    }),
  searchIndex: ({ model, index }, inputs, options, signal) =>
    oneByOne(inputs, ({ text }) => opened(index).search(model, text, { ...options, signal })),
  similarInIndex: ({ model, index }, inputs, options, signal) =>
    oneByOne(inputs, ({ image }) => opened(index).similar(model, image, { ...options, signal })),
}

function opened(index: PictureIndex | undefined): PictureIndex {
  if (!index) throw new ModelNotFoundError('this server has no index to search; start it with --index')
  return index
}

/** Each picture with its own texts, all in the same passes. */
async function match(
  { model }: Held,
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
