import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { trainingConcepts } from '../src/data/emoji/concepts.js'
import { type EmojiData, type EmojiPicture, loadEmojiData } from '../src/data/emoji/dataset.js'
import { PICTURE_SIZE } from '../src/data/emoji/render.js'
import { TAR_END, tarMember } from '../src/data/webdataset/tarWriter.js'
import { Random } from '../src/train/random/random.js'
import { namedIcons } from './capfiltIcons.js'

export interface ExperimentOptions {
  readonly seed: number
  /**
   * Only so many concepts, without skin tones, drawn from the seed (default: all, with skin tones). What the vendors of
   * test-style make of them is written as `test`, in COCO's format.
   */
  readonly concepts?: number
  /** Packages of icons, whose names are the noise then. */
  readonly icons?: readonly string[]
}

/** A picture that is written as a sample of a shard. */
export interface CaptionedFile {
  readonly caption: string
  readonly png: () => Promise<Buffer>
}

/** Pictures of each set. */
export interface ExperimentSets {
  readonly clean: number
  readonly rest: number
}

/**
 * Writes the drawings of the train split as tar shards: `clean`, a tenth with its names, no concept twice, so that it shows
 * as many as it can; `noisy`, the rest, a third of it with the name of another concept, a third with its tags in random
 * order instead of a name; `true`, the rest with its names. With icons `noisy` holds nine times as many of them as `clean`
 * holds drawings, and there is no `true`.
 */
export async function writeExperimentSets(
  folder: string,
  { seed, concepts: conceptCount, icons }: ExperimentOptions,
): Promise<ExperimentSets> {
  const data = await loadEmojiData()
  const random = new Random(seed, 'capfilt experiment')
  const bases = trainingConcepts().filter(({ base }) => base)
  const chosen =
    conceptCount === undefined
      ? bases
      : random
          .fork('concepts')
          .shuffle([...bases])
          .slice(0, conceptCount)
  const ids = new Set(chosen.map(({ id }) => id))
  const wanted = ({ concept }: EmojiPicture) => conceptCount === undefined || ids.has(concept)
  const drawings = random.shuffle(data.split('train').filter(wanted))
  const clean = new Set(oneOfEach(drawings).slice(0, Math.round(drawings.length / 10)))
  const rest = drawings.filter((drawing) => !clean.has(drawing))
  const named = (drawing: EmojiPicture) => captioned(data, drawing, drawing.captions[0]!)
  await writeShards(join(folder, 'clean'), [...clean].map(named))
  if (conceptCount !== undefined)
    await writeCocoFolder(join(folder, 'test'), data, data.split('test-style').filter(wanted))
  if (icons) {
    const noisy = namedIcons(icons, 9 * clean.size, random)
    await writeShards(join(folder, 'noisy'), noisy)
    return { clean: clean.size, rest: noisy.length }
  }
  const said = noise(random, chosen)
  await writeShards(join(folder, 'true'), rest.map(named))
  await writeShards(
    join(folder, 'noisy'),
    rest.map((drawing) => captioned(data, drawing, said(drawing))),
  )
  return { clean: clean.size, rest: rest.length }
}

/** The first drawing of each concept. */
const oneOfEach = (drawings: readonly EmojiPicture[]): EmojiPicture[] => {
  const firsts = new Map<number, EmojiPicture>()
  for (const drawing of drawings) if (!firsts.has(drawing.concept)) firsts.set(drawing.concept, drawing)
  return [...firsts.values()]
}

/** A third stays as it is, a third gets another concept's name, a third its own tags, shuffled. */
function noise(random: Random, concepts: ReturnType<typeof trainingConcepts>): (drawing: EmojiPicture) => string {
  return (drawing) => {
    const kind = random.integer(3)
    if (kind === 1) {
      const others = concepts.filter(({ id }) => !drawing.concepts.includes(id))
      return others[random.integer(others.length)]!.caption
    }
    return kind === 2 && drawing.tags.length > 0 ? random.shuffle([...drawing.tags]).join(' ') : drawing.captions[0]!
  }
}

const captioned = (data: EmojiData, drawing: EmojiPicture, caption: string): CaptionedFile => ({
  caption,
  png: () => image(data, drawing).toBuffer(),
})

const SHARD_SIZE = 1000

async function writeShards(folder: string, pictures: readonly CaptionedFile[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let start = 0; start < pictures.length; start += SHARD_SIZE) {
    const members: Uint8Array[] = []
    for (const [i, { caption, png }] of pictures.slice(start, start + SHARD_SIZE).entries()) {
      const key = String(start + i).padStart(6, '0')
      members.push(tarMember(`${key}.png`, await png()), tarMember(`${key}.txt`, Buffer.from(caption)))
    }
    const name = `${String(start / SHARD_SIZE).padStart(5, '0')}.tar`
    await writeFile(join(folder, name), Buffer.concat([...members, TAR_END]))
  }
}

async function writeCocoFolder(folder: string, data: EmojiData, drawings: readonly EmojiPicture[]): Promise<void> {
  await mkdir(join(folder, 'images'), { recursive: true })
  const images = drawings.map((_, id) => ({ id, file_name: `${String(id).padStart(6, '0')}.png` }))
  for (const [i, { file_name }] of images.entries())
    await image(data, drawings[i]!).toFile(join(folder, 'images', file_name))
  const annotations = drawings.flatMap(({ captions }, id) => captions.map((caption) => ({ image_id: id, caption })))
  await writeFile(join(folder, 'captions.json'), JSON.stringify({ images, annotations }))
}

const image = (data: EmojiData, drawing: EmojiPicture) =>
  sharp(data.rgba(drawing), { raw: { width: PICTURE_SIZE, height: PICTURE_SIZE, channels: 4 } }).png()
