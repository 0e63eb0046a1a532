// Describes a picture while the program goes on with other things: the model has a thread of its own.
//   node examples/thread.mjs [picture] [model]
import { Blip2Thread } from 'blip2'

const [picture = 'assets/demo/noto-v1-octopus.png', path = 'models/emoji'] = process.argv.slice(2)
const model = await Blip2Thread.fromPretrained(path)

let turns = 0
const others = setInterval(() => turns++, 1)
const { text } = await model.caption(picture)
clearInterval(others)
console.log(text, { turns })

await model.dispose()
