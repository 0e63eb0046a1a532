// Answers questions about a picture.
//   node examples/ask.mjs [picture] [model]
import { Blip2 } from 'blip2'

const [picture = 'assets/demo/streamline-snowman.png', path = 'models/emoji'] = process.argv.slice(2)
const model = await Blip2.fromPretrained(path)

// The language model's own template is put around the question: "Question: what is it? Answer:"
const { text } = await model.ask(picture, 'what is it?')
console.log(text)

// The picture is encoded once and asked about several times.
const image = await model.encode(picture)
for (const { text } of await model.ask(image, ['what color?', 'how many?'], { preset: 'lavis' })) console.log(text)

await model.dispose()
