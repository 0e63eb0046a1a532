import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'

const COLORS = { octopus: '#c04080', 'red car': '#e02020', 'hot dog': '#c08030', 'dog face': '#806040' }

/** A COCO-captions folder of four plain pictures, each with a name and a longer caption. */
export async function writeTinyCaptionFolder(folder: string, colors: Record<string, string> = COLORS): Promise<string> {
  await mkdir(join(folder, 'images'), { recursive: true })
  const names = Object.keys(colors)
  const images = names.map((_, id) => ({ id, file_name: `${id}.png` }))
  for (const { id, file_name } of images)
    await sharp({ create: { width: 12, height: 12, channels: 3, background: colors[names[id]!]! } }).toFile(
      join(folder, 'images', file_name),
    )
  const annotations = names.flatMap((caption, image_id) => [
    { image_id, caption },
    { image_id, caption: `a ${caption}` },
  ])
  await writeFile(join(folder, 'captions.json'), JSON.stringify({ images, annotations }))
  return folder
}
