// Draws where the queries look in a picture while they read a text.
//   node examples/attention.mjs [picture] [model] [drawing]
import { writeFile } from 'node:fs/promises'
import { Blip2, drawAttention, queryMaps } from 'blip2'

const [picture = 'assets/demo/noto-v1-person-surfing.png', path = 'models/emoji', drawing = 'map.png'] =
  process.argv.slice(2)
const model = await Blip2.fromPretrained(path)

const text = 'person surfing'
const attention = await model.attention(picture, text)
console.log(attention.queries, 'queries over', attention.rows, 'x', attention.columns, 'patches')

// The mean over the heads of the last layer with cross-attention: one map a query.
const [first] = queryMaps(attention)
console.log('query 0 looks most at patch', first.indexOf(Math.max(...first)))

await writeFile(drawing, await drawAttention(picture, attention, { query: 'mean' }))

// What of it speaks for a match with the text: Grad-CAM.
const match = await model.attention(picture, text, { gradients: true })
await writeFile(drawing.replace('.png', '-match.png'), await drawAttention(picture, match))
await model.dispose()
