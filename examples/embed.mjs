// Vectors of a picture, of a text, and of both together.
//   node examples/embed.mjs [picture] [model]
import { Blip2 } from 'blip2'

const [picture = 'assets/demo/streamline-sunflower.png', path = 'models/emoji'] = process.argv.slice(2)
const model = await Blip2.fromPretrained(path)
const { embeddingWidth, qformer } = model.config

// One unit vector per query, row after row; the ITC cosine is the best of them against the text's vector.
const image = await model.embedImage(picture)
const text = await model.embedText('sunflower')
const cosines = Array.from({ length: qformer.queries }, (_, query) =>
  text.reduce((sum, value, i) => sum + value * image[query * embeddingWidth + i], 0),
)
console.log('ITC', Math.max(...cosines))

// What the queries hold after reading picture and text together.
const multimodal = await model.embedMultimodal(picture, 'sunflower')
console.log('multimodal', [qformer.queries, multimodal.length / qformer.queries])

await model.dispose()
