// Says how well texts fit a picture.
//   node examples/match.mjs [picture] [model]
import { Blip2 } from 'blip2'

const [picture = 'assets/demo/fxemoji-hamburger.png', path = 'models/emoji'] = process.argv.slice(2)
const model = await Blip2.fromPretrained(path)

const texts = ['hamburger', 'guitar', 'snowman']
const matches = await model.match(picture, texts)
for (const [i, { itm, itc }] of matches.entries()) console.log(texts[i], { probability: itm, cosine: itc })

await model.dispose()
