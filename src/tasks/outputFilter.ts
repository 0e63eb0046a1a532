import type { PictureText } from './pictureText.js'
import type { GeneratedText } from './textOptions.js'

/**
 * Sees every text of `caption`, `ask` and `chat` before it is given out, the next best ones too. Gives the text to
 * show, changed or not, or null to withhold it: then the text is empty and its finishReason 'filtered'. Models of this
 * kind repeat what is biased, offensive or private in the pictures and texts that they learnt from (paper, section 5).
 */
export type OutputFilter = (text: string) => string | null | Promise<string | null>

/** The same texts as the filter lets them through. A stream gives one piece, when the whole text has been seen. */
export function filteredPictureText(text: PictureText, filter: OutputFilter): PictureText {
  const filtered = async (given: GeneratedText): Promise<GeneratedText> => {
    const { alternatives, ...best } = given
    const shown = await filteredOne(best, filter)
    if (!alternatives) return shown
    return { ...shown, alternatives: await Promise.all(alternatives.map((other) => filteredOne(other, filter))) }
  }
  return {
    write: async (...call) => Promise.all((await text.write(...call)).map(filtered)),
    async *stream(...call) {
      const whole = await filtered(await toEnd(text.stream(...call)))
      if (whole.text !== '') yield whole.text
      return whole
    },
  }
}

type OneText = Omit<GeneratedText, 'alternatives'>

async function filteredOne(given: OneText, filter: OutputFilter): Promise<OneText> {
  const text = await filter(given.text)
  return text === null ? { ...given, text: '', finishReason: 'filtered' } : { ...given, text }
}

async function toEnd(pieces: AsyncGenerator<string, GeneratedText>): Promise<GeneratedText> {
  for (;;) {
    const step = await pieces.next()
    if (step.done) return step.value
  }
}
