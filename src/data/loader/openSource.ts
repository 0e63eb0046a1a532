import { DataError } from '../../errors.js'
import { readCaptionedImages } from '../captionedImages.js'
import { readAnnotationList } from '../readers/annotationList.js'
import type { CaptionRecord, ReadOptions } from '../readers/captionRecord.js'
import { readCocoRecords } from '../readers/cocoAnnotations.js'
import { readConceptualCaptions } from '../readers/conceptualCaptions.js'
import { readKarpathySplit } from '../readers/karpathySplit.js'
import { readLaionMetadata } from '../readers/laionMetadata.js'
import { readSbuJson, readSbuText } from '../readers/sbuCaptions.js'
import { readVisualGenome } from '../readers/visualGenome.js'
import { openImg2dataset } from '../webdataset/img2dataset.js'
import { listShards } from '../webdataset/shardList.js'
import type { LossLimits } from './losses.js'
import type { SourceSpec } from './mixtureSpec.js'
import type { Shard } from './shard.js'
import { recordShards, tarShard, type UnopenedPicture } from './shards.js'

/**
 * Opens a source of a mixture as shards. Annotation files are held in memory; tar shards are streamed later.
 * @throws DataError where it cannot be opened, or more of its entries are wrong than the limits allow.
 */
export async function openSource(
  spec: SourceSpec,
  { onLoss, maxBrokenShare = 0.1 }: LossLimits,
): Promise<Shard<UnopenedPicture>[]> {
  if (spec.format === 'webdataset' || spec.format === 'img2dataset') {
    const { captionField } = spec
    const locations = await tarLocations(spec)
    return locations.map((tar) => tarShard(tar, captionField === undefined ? {} : { captionField }))
  }
  let wrong: DataError | undefined
  let wrongCount = 0
  const onBroken = (error: DataError) => {
    wrong = error
    wrongCount++
    onLoss?.(spec.name, error)
  }
  const records: CaptionRecord[] = []
  for await (const record of readRecords(spec, { onBroken })) records.push(record)
  if (wrongCount > maxBrokenShare * (records.length + wrongCount))
    throw new DataError(
      `${wrongCount} of ${records.length + wrongCount} entries of ${spec.name} are wrong; the last one: ${wrong?.message}`,
      { cause: wrong },
    )
  if (records.length === 0) throw new DataError(`${spec.name} holds no captioned picture`)
  return recordShards(spec.name, records)
}

type TarSpec = Extract<SourceSpec, { format: 'webdataset' | 'img2dataset' }>

async function tarLocations(spec: TarSpec): Promise<string[]> {
  if (spec.format === 'webdataset') return listShards(spec.shards)
  return (await openImg2dataset(spec.folder)).shards.map(({ tar }) => tar)
}

async function* readRecords(spec: Exclude<SourceSpec, TarSpec>, options: ReadOptions): AsyncGenerator<CaptionRecord> {
  switch (spec.format) {
    case 'folder':
      for (const { path, captions } of await readCaptionedImages(spec.folder))
        yield { key: path, image: path, captions }
      return
    case 'coco':
      return yield* await readCocoRecords(spec.annotations, spec.images)
    case 'karpathy':
      return yield* readKarpathySplit(spec.annotations, spec.images, {
        ...options,
        ...(spec.splits ? { splits: spec.splits } : {}),
      })
    case 'visual-genome':
      return yield* readVisualGenome(spec.annotations, spec.images, options)
    case 'sbu-json':
      return yield* readSbuJson(spec.annotations, options)
    case 'sbu-text':
      return yield* readSbuText(spec.urls, spec.captions, options)
    case 'cc3m':
    case 'cc12m':
      return yield* readConceptualCaptions(spec.annotations, spec.format, options)
    case 'laion':
      return yield* readLaionMetadata(spec.annotations, options)
    case 'list':
      return yield* readAnnotationList(spec.annotations, spec.images, options)
  }
}
