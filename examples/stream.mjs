// Prints a caption as it is written, and stops after a second.
//   node examples/stream.mjs [picture] [model]
import { Blip2 } from 'blip2'

const [picture = 'assets/demo/noto-v1-guitar.png', path = 'models/emoji'] = process.argv.slice(2)
const model = await Blip2.fromPretrained(path)

const signal = AbortSignal.timeout(1000)
try {
  for await (const piece of model.caption.stream(picture, { maxNewTokens: 20, signal })) process.stdout.write(piece)
} catch (error) {
  if (!signal.aborted) throw error
}
process.stdout.write('\n')

await model.dispose()
