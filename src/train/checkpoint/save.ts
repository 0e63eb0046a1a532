import { createHash } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { CheckpointError, ConfigError } from '../../errors.js'
import { replaceFile } from '../../weights/replaceFile.js'
import { syncDirectory, type TensorToWrite, writeSafetensors } from '../../weights/safetensors/write.js'
import {
  checkpointName,
  encodeManifest,
  LATEST_FILE,
  MANIFEST_FILE,
  type Manifest,
  OPTIMIZER_FILE,
  stepOfName,
  WEIGHTS_FILE,
} from './manifest.js'

export interface CheckpointContents {
  readonly step: number
  readonly weights: ReadonlyMap<string, TensorToWrite>
  readonly optimizer: ReadonlyMap<string, TensorToWrite>
  /** Anything JSON can hold: generators, data cursor, optimiser steps. */
  readonly state: Readonly<Record<string, unknown>>
  /** Hash of the resolved configuration of the run. */
  readonly configHash: string
}

export interface SaveOptions {
  /** Checkpoints left, this one included; older ones are removed. Default 3. */
  readonly keep?: number
}

/**
 * Writes `checkpoint-STEP/` into a training directory and points `latest` to it. The files are written under a temporary
 * name, flushed to the disk and renamed: a crash or a full disk at any moment leaves the previous checkpoint whole and
 * `latest` on it. A failure throws a CheckpointError after the temporary files are removed.
 * @returns The checkpoint's path.
 */
export async function saveCheckpoint(
  directory: string,
  contents: CheckpointContents,
  { keep = 3 }: SaveOptions = {},
): Promise<string> {
  if (!Number.isSafeInteger(keep) || keep < 1) throw new ConfigError(`keep at least one checkpoint, got ${keep}`)
  const name = checkpointName(contents.step)
  const path = join(directory, name)
  const temporary = `${path}.tmp`
  try {
    await rm(temporary, { recursive: true, force: true })
    await mkdir(temporary, { recursive: true })
    await writeContents(temporary, contents)
    await replaceDirectory(path, temporary)
    await writeDurably(join(directory, LATEST_FILE), `${name}\n`)
    await syncDirectory(directory)
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true })
    throw new CheckpointError(
      `could not write ${path}: ${(cause as Error).message}. Earlier checkpoints are untouched; make room or permit writing, then resume.`,
      { cause },
    )
  }
  await removeOlder(directory, contents.step, keep)
  return path
}

async function writeContents(directory: string, contents: CheckpointContents): Promise<void> {
  const { step, configHash, state, weights, optimizer } = contents
  const files: Manifest['files'] = {
    [WEIGHTS_FILE]: await writeHashed(join(directory, WEIGHTS_FILE), weights),
    [OPTIMIZER_FILE]: await writeHashed(join(directory, OPTIMIZER_FILE), optimizer),
  }
  await writeDurably(join(directory, MANIFEST_FILE), encodeManifest({ step, configHash, state, files }))
  await syncDirectory(directory)
}

async function writeHashed(
  path: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  await writeSafetensors(path, tensors, {
    onBytes: (chunk) => {
      hash.update(chunk)
      bytes += chunk.byteLength
    },
  })
  return { bytes, sha256: hash.digest('hex') }
}

const writeDurably = (path: string, text: string): Promise<void> => replaceFile(path, (file) => file.writeFile(text))

/** Puts `from` in the place of `path`, where a run resumed from an earlier step may have left a checkpoint. */
async function replaceDirectory(path: string, from: string): Promise<void> {
  const replaced = `${path}.old`
  await rm(replaced, { recursive: true, force: true })
  await rename(path, replaced).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await rename(from, path)
  await rm(replaced, { recursive: true, force: true })
}

/** Checkpoints of later steps stay: they are another run's future, and the user's to remove. */
async function removeOlder(directory: string, step: number, keep: number): Promise<void> {
  const older = (await readdir(directory))
    .map(stepOfName)
    .filter((found) => found !== undefined && found < step)
    .sort((a, b) => b! - a!)
  for (const found of older.slice(keep - 1))
    await rm(join(directory, checkpointName(found!)), { recursive: true, force: true })
}
