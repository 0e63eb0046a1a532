import { createHash } from 'node:crypto'
import { z } from 'zod'

import { CheckpointError } from '../../errors.js'

export const WEIGHTS_FILE = 'weights.safetensors'
export const OPTIMIZER_FILE = 'optimizer.safetensors'
export const MANIFEST_FILE = 'state.json'
/** Beside the checkpoints: the directory name of the one to resume from. */
export const LATEST_FILE = 'latest'

const contentSchema = z.strictObject({
  step: z.int().nonnegative(),
  /** Hash of the resolved configuration of the run. */
  configHash: z.string(),
  /** What the training loop needs besides tensors: generators, data cursor, optimiser steps. */
  state: z.record(z.string(), z.unknown()),
  files: z.record(
    z.enum([WEIGHTS_FILE, OPTIMIZER_FILE]),
    z.strictObject({ bytes: z.int().nonnegative(), sha256: z.string() }),
  ),
})

/** What state.json holds beside its own hash. */
export type Manifest = z.infer<typeof contentSchema>

/** state.json as text; its own hash stands first, so that a change of a single digit is noticed. */
export function encodeManifest(manifest: Manifest): string {
  return `${JSON.stringify({ sha256: sha256(JSON.stringify(manifest)), content: manifest }, null, 2)}\n`
}

/** Throws a CheckpointError where the text was truncated or altered. */
export function parseManifest(text: string, path: string): Manifest {
  let json: { sha256?: unknown; content?: unknown } | null
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new CheckpointError(`${path} is not valid JSON: it is truncated or altered`, { cause })
  }
  if (json?.content === undefined || json.sha256 !== sha256(JSON.stringify(json.content)))
    throw new CheckpointError(`${path} does not match its own sha256: it was altered`)
  const parsed = contentSchema.safeParse(json.content)
  if (!parsed.success)
    throw new CheckpointError(`${path} is not a checkpoint of this version:\n${z.prettifyError(parsed.error)}`)
  return parsed.data
}

export const checkpointName = (step: number): string => `checkpoint-${step}`

/** The step in a directory's name; undefined for anything but a finished checkpoint. */
export function stepOfName(name: string): number | undefined {
  const digits = /^checkpoint-(\d+)$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
