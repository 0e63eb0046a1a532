import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { trainingConcepts } from '../src/data/emoji/concepts.js'
import { type EmojiData, type EmojiPicture, loadEmojiData } from '../src/data/emoji/dataset.js'
import { PICTURE_SIZE } from '../src/data/emoji/render.js'
import { TAR_END, tarMember } from '../src/data/webdataset/tarWriter.js'
import { Random } from '../src/train/random/random.js'

/**
 * `node .build/bench/capfiltExperiment.js FOLDER [SEED]`: what noise in captions costs, and what CapFilt wins back.
 *
 * Writes the drawings of the train split as tar shards: `clean`, a tenth with its names; `noisy`, the rest, a third of it
 * with the name of another concept, a third with its tags in random order instead of a name; `true`, the rest with its
 * names. Then `run.sh`, which trains a captioner and ranker on the clean tenth, makes `capfilt` of `noisy`, trains on
 * the clean tenth with each of noisy, capfilt and true, and evaluates the three.
 */
async function main(folder: string, seed: number): Promise<void> {
  const data = await loadEmojiData()
  const random = new Random(seed, 'capfilt experiment')
  const drawings = random.shuffle([...data.split('train')])
  const tenth = Math.round(drawings.length / 10)
  const [clean, rest] = [drawings.slice(0, tenth), drawings.slice(tenth)]
  await writeShards(join(folder, 'clean'), data, clean, (drawing) => drawing.captions[0]!)
  await writeShards(join(folder, 'true'), data, rest, (drawing) => drawing.captions[0]!)
  await writeShards(join(folder, 'noisy'), data, rest, noise(random))
  for (const name of ['noisy', 'capfilt', 'true'])
    await writeFile(join(folder, `${name}.json`), JSON.stringify(mixture(name, clean.length, rest.length), null, 2))
  await writeFile(join(folder, 'run.sh'), script(seed), { mode: 0o755 })
  console.log(`${clean.length} clean and ${rest.length} noisy drawings; now run ${join(folder, 'run.sh')}`)
}

/** A third stays as it is, a third gets another concept's name, a third its own tags, shuffled. */
function noise(random: Random): (drawing: EmojiPicture) => string {
  const concepts = trainingConcepts().filter(({ base }) => base)
  return (drawing) => {
    const kind = random.integer(3)
    if (kind === 1) {
      const others = concepts.filter(({ id }) => !drawing.concepts.includes(id))
      return others[random.integer(others.length)]!.caption
    }
    return kind === 2 && drawing.tags.length > 0 ? random.shuffle([...drawing.tags]).join(' ') : drawing.captions[0]!
  }
}

const SHARD_SIZE = 1000

async function writeShards(
  folder: string,
  data: EmojiData,
  drawings: readonly EmojiPicture[],
  captionOf: (drawing: EmojiPicture) => string,
): Promise<void> {
  const { default: sharp } = await import('sharp')
  await mkdir(folder, { recursive: true })
  for (let start = 0; start < drawings.length; start += SHARD_SIZE) {
    const members: Uint8Array[] = []
    for (const [i, drawing] of drawings.slice(start, start + SHARD_SIZE).entries()) {
      const key = String(start + i).padStart(6, '0')
      const raw = { width: PICTURE_SIZE, height: PICTURE_SIZE, channels: 4 } as const
      const png = await sharp(data.rgba(drawing), { raw }).png().toBuffer()
      members.push(tarMember(`${key}.png`, png), tarMember(`${key}.txt`, Buffer.from(captionOf(drawing))))
    }
    const name = `${String(start / SHARD_SIZE).padStart(5, '0')}.tar`
    await writeFile(join(folder, name), Buffer.concat([...members, TAR_END]))
  }
}

/** The clean tenth with the rest, every picture as likely. */
const mixture = (name: string, clean: number, rest: number) => ({
  sources: [
    { name: 'clean', format: 'webdataset', shards: 'clean', weight: clean },
    { name, format: 'webdataset', shards: name, bestCaptions: 2, weight: rest },
  ],
})

const script = (seed: number): string => `#!/bin/sh
# Run in this folder; blip2 must be on the path.
set -e
PRESET="--preset emoji-quick --seed ${seed} --resume"
blip2 pretrain stage1 $PRESET --data clean --out teacher1
blip2 pretrain stage2 $PRESET --data clean --stage1 teacher1 --out teacher2
blip2 capfilt --captioner teacher2/model --ranker teacher1/model --data noisy --out capfilt --seed ${seed} --resume
for set in noisy capfilt true; do
  blip2 pretrain stage1 $PRESET --data $set.json --out $set-stage1
  blip2 pretrain stage2 $PRESET --data $set.json --stage1 $set-stage1 --out $set-stage2
  blip2 eval retrieval --model $set-stage1/model --data emoji:test-style --json > $set-retrieval.json
  blip2 eval caption --model $set-stage2/model --data emoji:test-style --json > $set-caption.json
done
`

const [folder, seed = '1'] = process.argv.slice(2)
if (folder === undefined) {
  console.error('usage: capfiltExperiment FOLDER [SEED]')
  process.exitCode = 2
} else await main(folder, Number(seed))
