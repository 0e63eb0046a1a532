import { DataError } from '../../errors.js'
import { type KarpathySplit, readKarpathySplit } from '../../data/readers/karpathySplit.js'
import type { BenchmarkPicture } from './items.js'

/**
 * Karpathy's split of COCO or Flickr30k (dataset_coco.json, dataset_flickr30k.json). Pictures are named by their COCO id,
 * or by their place in the file where they have none.
 *
 * @param images For COCO the folder that holds val2014/, for Flickr30k the folder of the pictures.
 * @throws DataError naming the entry that is wrong, or for a split without pictures.
 */
export async function readKarpathy(file: string, images: string, split: KarpathySplit): Promise<BenchmarkPicture[]> {
  const pictures: BenchmarkPicture[] = []
  for await (const { key, image, captions } of readKarpathySplit(file, images, { splits: [split] }))
    pictures.push({ id: Number(key), path: image, captions })
  if (pictures.length === 0)
    throw new DataError(`${file}: no picture is of the split ${split}; expected one of Karpathy's dataset_*.json`)
  return pictures
}
