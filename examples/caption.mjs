// Describes pictures: one, then several with other settings.
//   node examples/caption.mjs [picture] [model]
import { Blip2 } from 'blip2'

const [picture = 'assets/demo/noto-v1-octopus.png', path = 'models/emoji'] = process.argv.slice(2)
const model = await Blip2.fromPretrained(path)

const { text, score, finishReason } = await model.caption(picture)
console.log(text, { score, finishReason })

// An array gives an array. Options that are left out are the model's own.
const [first] = await model.caption([picture, picture], { numBeams: 3, numReturnSequences: 3, maxNewTokens: 10 })
console.log(
  first.text,
  '| next best:',
  first.alternatives.map((other) => other.text),
)

await model.dispose()
