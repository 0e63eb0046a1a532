// Draws where the queries look in a picture while they read a text.
//   node examples/attention.mjs [picture] [model] [drawing]
import { writeFile } from 'node:fs/promises'
import { Blip2, drawAttention, queryMaps } from 'blip2'

const [picture = 'assets/demo/noto-v1-person-surfing.png', path = 'models/emoji', drawing = 'map.png'] =
  process.argv.slice(2)
const model = await Blip2.fromPretrained(path)

const attention = await model.attention(picture, 'person surfing')
console.log(attention.queries, 'queries over', attention.rows, 'x', attention.columns, 'patches')

// The mean over the heads of the last layer with cross-attention: one map a query.
const [first] = queryMaps(attention)
console.log('query 0 looks most at patch', first.indexOf(Math.max(...first)))

await writeFile(drawing, await drawAttention(picture, attention, { query: 'mean' }))
await model.dispose()
