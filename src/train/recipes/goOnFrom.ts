import { DataError } from '../../errors.js'
import { type Checkpoint, loadLatestCheckpoint } from '../checkpoint/load.js'
import type { TrainingTask } from '../loop.js'
import { hashWeights } from './inputs.js'
import type { Weights } from './parts.js'

/** The last checkpoint of the training to go on from: its heads too, which its model no longer has. */
export async function checkpointBefore(from: string | undefined): Promise<Checkpoint | undefined> {
  if (from === undefined) return undefined
  const checkpoint = await loadLatestCheckpoint(from)
  if (!checkpoint)
    throw new DataError(
      `${from} holds no checkpoint to go on from; give the directory that a training wrote with --out`,
    )
  return checkpoint
}

/** Fills the task's weights; what names them goes into the run's inputs. */
export async function restoreFrom(
  before: Checkpoint | undefined,
  { program }: TrainingTask,
): Promise<{ from?: string }> {
  if (!before) return {}
  const { parameters } = program.memory
  const weights: Weights = new Map(parameters.map(({ name, shape, value }) => [name, { shape, data: value }]))
  await before.restoreWeights(weights)
  return { from: hashWeights(weights) }
}
