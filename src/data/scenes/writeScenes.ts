import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../weights/replaceFile.js'
import { attributionNotice } from '../emoji/notice.js'
import { VENDOR_IDS, VENDORS } from '../emoji/vendors.js'
import { sceneStyle, type SceneSet } from './sceneSet.js'
import { type NumberedQuestion, vqaFiles } from './vqaFormat.js'

export interface WriteScenesOptions {
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

/**
 * Writes scenes as a folder in the official formats: `images/000001.png`, `captions.json` (COCO captions),
 * `questions.json`, `annotations.json` and `complementary_pairs.json` (VQA v2), and a NOTICE with the sources of the
 * drawings. `captions.json` comes last, so a folder that has it is whole.
 */
export async function writeScenes(
  scenes: SceneSet,
  directory: string,
  { onProgress, signal }: WriteScenesOptions = {},
): Promise<void> {
  const { default: sharp } = await import('sharp')
  await mkdir(join(directory, 'images'), { recursive: true })
  const questions: NumberedQuestion[] = []
  const annotations: { id: number; image_id: number; caption: string }[] = []
  for (let index = 0; index < scenes.length; index++) {
    signal?.throwIfAborted()
    const imageId = index + 1
    const { rgba, size } = scenes.picture(index)
    await sharp(rgba, { raw: { width: size, height: size, channels: 4 } })
      .removeAlpha()
      .png()
      .toFile(join(directory, 'images', fileName(imageId)))
    questions.push({ ...scenes.question(index), id: imageId, imageId })
    for (const caption of scenes.captions(index))
      annotations.push({ id: annotations.length + 1, image_id: imageId, caption })
    onProgress?.(imageId, scenes.length)
  }
  const vqa = vqaFiles(questions, scenes.split)
  await writeFile(join(directory, 'NOTICE'), attributionNotice(artistsOf(scenes)))
  await replaceFile(join(directory, 'questions.json'), JSON.stringify(vqa.questions))
  await replaceFile(join(directory, 'annotations.json'), JSON.stringify(vqa.annotations))
  await replaceFile(join(directory, 'complementary_pairs.json'), JSON.stringify(vqa.pairs))
  await replaceFile(join(directory, 'captions.json'), JSON.stringify(cocoCaptions(scenes, annotations)))
}

const fileName = (imageId: number): string => `${String(imageId).padStart(6, '0')}.png`

const artistsOf = ({ split }: SceneSet) =>
  VENDOR_IDS.map((id) => VENDORS[id]).filter(({ role }) => role === sceneStyle(split))

function cocoCaptions({ split, length, size }: SceneSet, annotations: readonly object[]) {
  return {
    info: { description: `Scenes of emoji drawings: ${split}`, version: '1' },
    licenses: [{ id: 1, name: 'see NOTICE', url: '' }],
    images: Array.from({ length }, (_, index) => ({
      id: index + 1,
      file_name: fileName(index + 1),
      width: size,
      height: size,
      license: 1,
    })),
    annotations,
  }
}
