import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { DataError } from '../../errors.js'

const picturesSchema = z
  .array(
    z.object({
      file: z.string(),
      caption: z.string(),
      captions: z.array(z.string()).min(1),
      vendor: z.string(),
      licence: z.string(),
      attribution: z.string(),
    }),
  )
  .min(1)

/** A drawing of the demonstration: its file, its names, and whose it is. */
export type DemoPicture = z.infer<typeof picturesSchema>[number] & { readonly png: Uint8Array }

export interface DemoAssets {
  readonly pictures: readonly DemoPicture[]
  /** Names a picture is matched with: those of all drawings without a skin tone. */
  readonly names: readonly string[]
}

/** The package's own folder of pictures, beside `src` in a clone and `dist` in an installed package. */
const FOLDER = new URL('../../../assets/demo/', import.meta.url)

/** Reads the pictures and names that come with the package. */
export async function readDemoAssets(): Promise<DemoAssets> {
  const pictures = picturesSchema.parse(await readJson('demo.json'))
  return {
    pictures: await Promise.all(
      pictures.map(async (picture) => ({ ...picture, png: await readFile(new URL(picture.file, FOLDER)) })),
    ),
    names: z
      .array(z.string())
      .min(1)
      .parse(await readJson('names.json')),
  }
}

async function readJson(name: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(new URL(name, FOLDER), 'utf8'))
  } catch (cause) {
    throw new DataError(`cannot read assets/demo/${name} of this package; install it again`, { cause })
  }
}
