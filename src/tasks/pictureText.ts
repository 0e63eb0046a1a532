import type { ImageInput } from './imageEncoder.js'
import type { GeneratedText, TextSettings } from './textOptions.js'

/** Text from pictures, as the model gives it to the tasks that are made of it. */
export interface PictureText {
  /** What the language model writes after each picture and its prompt; `task` names who asks, for errors. */
  write(
    task: string,
    images: readonly ImageInput[],
    prompts: readonly string[],
    settings: TextSettings,
  ): Promise<GeneratedText[]>
  /** The same for one picture, in pieces. */
  stream(task: string, image: ImageInput, prompt: string, settings: TextSettings): AsyncGenerator<string, GeneratedText>
}
