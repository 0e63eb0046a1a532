import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'

/** A folder of `count` plain pictures whose caption is their number; those of `broken` are no pictures. */
export async function writePictureFolder(folder: string, count: number, broken: readonly number[] = []): Promise<void> {
  await mkdir(folder, { recursive: true })
  const lines: string[] = []
  for (let i = 0; i < count; i++) {
    const background = { r: (i * 37) % 256, g: (i * 91) % 256, b: (i * 53) % 256 }
    const picture = sharp({ create: { width: 8, height: 8, channels: 3, background } })
    const bytes = broken.includes(i) ? Buffer.from('no picture') : await picture.png().toBuffer()
    await writeFile(join(folder, `${i}.png`), bytes)
    lines.push(JSON.stringify({ image: `${i}.png`, caption: `number ${i}` }))
  }
  await writeFile(join(folder, 'captions.jsonl'), lines.join('\n'))
}
