import { type Command, Option } from 'commander'
import type { Estimate } from '../estimate/estimateModel.js'
import { COMPONENTS, type Component } from '../estimate/weightSizes.js'
import {
  LANGUAGE_DTYPES,
  type ModelDtype,
  type ModelDtypeName,
  MODEL_DTYPES,
  VISION_DTYPES,
} from '../quantize/weightBits.js'
import { dtypeOption } from './model.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption, positiveInteger } from './options.js'

type Flags = JsonOption &
  ModelDtype & {
    readonly dtype: ModelDtypeName
    readonly train?: 'stage1' | 'stage2'
    readonly batch: number
    readonly recompute?: boolean
  }

export function registerEstimate(program: Command, io: Io): void {
  const command = program
    .command('estimate')
    .description('say what a model takes of disk and memory, without loading it')
    .argument(
      '<model>',
      'directory, OWNER/NAME on the hub (its headers are read), or an architecture such as blip2-opt-2.7b',
    )
    .addOption(dtypeOption())
    .addOption(
      new Option('--vision <dtype>', 'the vision encoder (default: as --dtype says)').choices([...VISION_DTYPES]),
    )
    .addOption(
      new Option('--language-model <dtype>', 'the language model (default: as --dtype says)').choices([
        ...LANGUAGE_DTYPES,
      ]),
    )
    .addOption(new Option('--train <stage>', 'training instead of captioning').choices(['stage1', 'stage2']))
    .option('--batch <n>', 'pictures of a training step', positiveInteger, 64)
    .option('--recompute', 'training computes layers again in the backward pass')
    .action(async (model: string, { dtype, vision, languageModel, train, batch, recompute, json }: Flags) => {
      const { estimateModel } = await import('../estimate/estimateModel.js')
      const estimate = await estimateModel(model, {
        dtype: { ...MODEL_DTYPES[dtype], ...(vision ? { vision } : {}), ...(languageModel ? { languageModel } : {}) },
        hub: { signal: io.signal },
        ...(train ? { train: { stage: train, batch, recompute: recompute === true } } : {}),
      })
      if (json) printJson(io, estimate)
      else io.out(estimateText(estimate))
    })
  addJsonOption(command)
}

const NAMES: Readonly<Record<Component, string>> = {
  vision: 'vision encoder',
  qformer: 'Q-Former and projection',
  languageModel: 'language model',
}

function estimateText({ parameters, download, disk, inference, training }: Estimate): string {
  const rows: (readonly [string, string])[] = [
    ['parameters', millions(parameters.total)],
    ...COMPONENTS.map((component) => [`  ${NAMES[component]}`, millions(parameters[component])] as const),
    ['download', gigabytes(download)],
    ['disk', gigabytes(disk)],
  ]
  if (inference) {
    const { weights, working, cache, repacking, program, peak } = inference
    rows.push(['memory, captioning a picture', gigabytes(peak)])
    for (const component of COMPONENTS) rows.push([`  ${NAMES[component]}, weights`, gigabytes(weights[component])])
    rows.push(['  working memory', gigabytes(Math.max(...Object.values(working)))])
    rows.push(['  keys and values', gigabytes(cache)])
    if (repacking > 0) rows.push(['  repacking, while it opens', gigabytes(repacking)])
    rows.push(['  program', gigabytes(program)])
  }
  if (training) {
    rows.push(['trained parameters', millions(training.trainedParameters)])
    rows.push(['memory, training', gigabytes(training.peak)])
    rows.push(['  weights, gradients and moments', gigabytes(training.optimizer)])
    rows.push(
      ['  frozen weights', gigabytes(training.frozen)],
      ['  vision encoder, working', gigabytes(training.encoder)],
    )
    rows.push(['  a step, working', gigabytes(training.step)], ['  program', gigabytes(training.program)])
  }
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value.padStart(10)}\n`).join('')
}

const millions = (count: number) => `${(count / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} M`
const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(3)} GB`
