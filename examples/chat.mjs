// Talks about a picture: the model sees the turns before.
//   node examples/chat.mjs [picture] [model]
import { Blip2 } from 'blip2'

const [picture = 'assets/demo/fxemoji-penguin.png', path = 'models/emoji'] = process.argv.slice(2)
const model = await Blip2.fromPretrained(path)
const image = await model.encode(picture)

const messages = []
for (const question of ['what is it?', 'why?']) {
  messages.push({ role: 'user', content: question })
  const { text } = await model.chat(image, messages, { numBeams: 1, maxNewTokens: 8 })
  console.log(`${question} ${text}`)
  messages.push({ role: 'assistant', content: text })
}

await model.dispose()
