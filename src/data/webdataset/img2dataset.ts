import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../../errors.js'
import { checkEntry } from '../readers/jsonEntries.js'

/** What img2dataset counted in one shard, or in all of them. */
export interface DownloadCounts {
  readonly count: number
  readonly successes: number
  readonly failedToDownload: number
  readonly failedToResize: number
}

export interface Img2datasetShard extends DownloadCounts {
  readonly tar: string
}

export interface Img2datasetFolder {
  /** The finished shards, in the order of their names. */
  readonly shards: readonly Img2datasetShard[]
  /** Shards without statistics: img2dataset had not finished them. They are not read. */
  readonly unfinished: readonly string[]
  readonly total: DownloadCounts
}

const statsSchema = z.object({
  count: z.int().min(0),
  successes: z.int().min(0),
  failed_to_download: z.int().min(0),
  failed_to_resize: z.int().min(0),
})

/** Lists the output folder of img2dataset in its webdataset format: 00000.tar, 00000.parquet and 00000_stats.json. */
export async function openImg2dataset(folder: string): Promise<Img2datasetFolder> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`cannot open ${folder}: ${cause.code}; expected the output folder of img2dataset`, { cause })
  })
  const stems = names.flatMap((name) => /^(\d+)\.tar$/.exec(name)?.[1] ?? []).sort()
  if (stems.length === 0) throw new DataError(`${folder} holds no shard of img2dataset; expected 00000.tar and so on`)
  const isFinished = (stem: string) => names.includes(`${stem}_stats.json`)
  const shards: Img2datasetShard[] = []
  for (const stem of stems.filter(isFinished)) {
    const counts = await readStats(join(folder, `${stem}_stats.json`))
    shards.push({ tar: join(folder, `${stem}.tar`), ...counts })
  }
  const sum = (count: (shard: DownloadCounts) => number) => shards.reduce((total, shard) => total + count(shard), 0)
  return {
    shards,
    unfinished: stems.filter((stem) => !isFinished(stem)).map((stem) => join(folder, `${stem}.tar`)),
    total: {
      count: sum(({ count }) => count),
      successes: sum(({ successes }) => successes),
      failedToDownload: sum(({ failedToDownload }) => failedToDownload),
      failedToResize: sum(({ failedToResize }) => failedToResize),
    },
  }
}

async function readStats(file: string): Promise<DownloadCounts> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`cannot read ${file}: ${cause.code}`, { cause })
  })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new DataError(`${file} is not JSON: ${(cause as Error).message}`, { cause })
  }
  const stats = checkEntry(statsSchema, json, file)
  return {
    count: stats.count,
    successes: stats.successes,
    failedToDownload: stats.failed_to_download,
    failedToResize: stats.failed_to_resize,
  }
}
