import type { ImageInput } from './imageEncoder.js'
import type { GeneratedText, TextSettings } from './textOptions.js'

/** What a text is to follow. */
export interface Prompt {
  /** Read by the language model. */
  readonly text: string
  /** Read by the Q-Former beside the picture, where it was fine-tuned to (paper 4.3). */
  readonly question?: string
}

/** Text from pictures, as the model gives it to the tasks that are made of it. */
export interface PictureText {
  /**
   * What the language model writes after each picture and its prompt; `task` names who asks, for errors. With more than
   * one candidate, the texts among so many that fit the picture best by stage 1.
   */
  write(
    task: string,
    images: readonly ImageInput[],
    prompts: readonly Prompt[],
    settings: TextSettings,
    candidates?: number,
  ): Promise<GeneratedText[]>
  /** The same for one picture, in pieces. */
  stream(task: string, image: ImageInput, prompt: Prompt, settings: TextSettings): AsyncGenerator<string, GeneratedText>
}
