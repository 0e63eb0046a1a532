import { z } from 'zod'
import { readCocoRecords } from '../../data/readers/cocoAnnotations.js'
import { checkEntry, jsonEntries } from '../../data/readers/jsonEntries.js'
import type { BenchmarkPicture } from './items.js'

const imageSchema = z.object({ id: z.int(), domain: z.enum(['in-domain', 'near-domain', 'out-domain']) })

/**
 * NoCaps (nocaps_val_4500_captions.json): COCO's format, each picture with the domain of its objects.
 *
 * @param images The folder of the pictures.
 * @throws DataError naming the entry that is wrong.
 */
export async function readNocaps(file: string, images: string): Promise<BenchmarkPicture[]> {
  const domains = new Map<string, string>()
  for await (const { array, value, place } of jsonEntries(file)) {
    if (array !== 'images') continue
    const { id, domain } = checkEntry(imageSchema, value, place)
    domains.set(String(id), domain)
  }
  return (await readCocoRecords(file, images)).map(({ key, image, captions }) => ({
    id: Number(key),
    path: image,
    captions,
    domain: domains.get(key)!,
  }))
}
