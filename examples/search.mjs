// Finds the pictures of a folder that fit a text: by vector, then the best of them by the joint pass.
//   node examples/search.mjs [folder] [model]
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Blip2, rankImages } from 'blip2'

const [folder = 'assets/demo', path = 'models/emoji'] = process.argv.slice(2)
const model = await Blip2.fromPretrained(path)

const files = (await readdir(folder)).filter((file) => file.endsWith('.png'))
const images = await model.encode(files.map((file) => join(folder, file)))
// Keep these vectors and only new texts have to be encoded.
const imageVectors = await model.embedImage(images)

for (const { index, itm, itc } of await rankImages(model, 'person surfing', images, { imageVectors, k: 3 }))
  console.log(files[index], { probability: itm, cosine: itc })

await model.dispose()
