import { readShardSamples } from '../data/webdataset/samples.js'
import { DataError } from '../errors.js'
import type { SampleMetadata } from './shardSample.js'
import { tarPath } from '../data/webdataset/shardFolder.js'

/** A picture of the output with all that was said of it. */
export interface CapfiltExample {
  /** The picture's file. */
  readonly image: Uint8Array
  readonly metadata: SampleMetadata
}

/** Shards that are opened for examples, evenly among all of them, and samples that are looked at in each. */
const SHARDS = 24
const SAMPLES = 200

/**
 * Pictures of the output, spread evenly over it: those whose best caption is the captioner's, and those whose best is
 * the data set's.
 * @param count Of each kind at most.
 */
export async function readExamples(
  directory: string,
  shards: number,
  count: number,
): Promise<{ readonly model: CapfiltExample[]; readonly web: CapfiltExample[] }> {
  const opened = Math.min(shards, SHARDS)
  const found = { model: [] as CapfiltExample[], web: [] as CapfiltExample[] }
  for (let i = 0; i < opened; i++) {
    const own = await lookInto(tarPath(directory, Math.floor((i * shards) / opened)))
    for (const kind of ['model', 'web'] as const)
      found[kind].push(
        ...spread(
          own.filter(({ metadata }) => metadata.candidates[0]?.origin === kind),
          Math.ceil(count / opened),
        ),
      )
  }
  return { model: found.model.slice(0, count), web: found.web.slice(0, count) }
}

async function lookInto(path: string): Promise<CapfiltExample[]> {
  const examples: CapfiltExample[] = []
  for await (const { key, files } of readShardSamples(path)) {
    const json = files.get('json')
    const [image] = [...files].filter(([suffix]) => suffix !== 'json').map(([, bytes]) => bytes)
    if (!json || !image) throw new DataError(`${path}: sample ${key} is not one that capfilt wrote`)
    examples.push({ image, metadata: JSON.parse(Buffer.from(json).toString('utf8')) as SampleMetadata })
    if (examples.length === SAMPLES) break
  }
  return examples
}

const spread = <T>(all: readonly T[], count: number): T[] =>
  all.length <= count ? [...all] : Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!)
