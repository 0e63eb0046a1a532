import { join } from 'node:path'
import { captionedSample } from '../src/data/webdataset/captionedSample.js'
import { readShardSamples } from '../src/data/webdataset/samples.js'
import { listShards } from '../src/data/webdataset/shardList.js'
import { cleanCaption } from '../src/text/captionCleaning.js'

/** How often a caption that training draws from a set of the experiment is the drawing's name, as `true` has it. */
export async function shareOfNames(folder: string, set: string): Promise<number> {
  const [names, captions] = [await captionsOf(join(folder, 'true')), await captionsOf(join(folder, set))]
  if (names.length !== captions.length)
    throw new Error(`${set} has ${captions.length} drawings, true has ${names.length}; expected the same drawings`)
  const shares = captions.map((own, i) => own.filter((caption) => caption === names[i]![0]).length / own.length)
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}

/** Of each sample, in their order, as training reads them. */
async function captionsOf(folder: string): Promise<string[][]> {
  const captions: string[][] = []
  for (const shard of await listShards(folder))
    for await (const sample of readShardSamples(shard))
      captions.push(captionedSample(sample).captions.map((caption) => cleanCaption(caption).trim()))
  return captions
}
