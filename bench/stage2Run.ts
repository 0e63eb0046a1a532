import { Graph } from '../src/graph/index.js'
import { type Architecture, architectureSpecs } from '../src/models/architectureSpecs.js'
import { patchCount } from '../src/models/vit.js'
import { SYNTH_PRESETS, type SynthPreset } from '../src/synth/presets.js'
import { float32, int64, type Value } from '../src/runtime/index.js'
import { stage2 } from '../src/train/objectives/stage2.js'
import { stage2T5 } from '../src/train/objectives/stage2T5.js'
import { AdamW } from '../src/train/optimizer/adamw.js'
import { parameterGroups } from '../src/train/optimizer/parameterGroups.js'
import { TrainingProgram } from '../src/train/program.js'
import { mapQuantized } from '../src/weights/quantize/open.js'
import { SafetensorsFile } from '../src/weights/safetensors/read.js'
import { median, randomValues } from './measure.js'

/** Of a caption (authors' code). */
const TOKENS = 32

const [preset, file, batch, steps, recompute] = process.argv.slice(2)
if (preset === undefined || file === undefined || batch === undefined || steps === undefined)
  throw new Error('usage: stage2Run PRESET FILE BATCH STEPS [recompute]')
console.log(JSON.stringify(await measure(SYNTH_PRESETS[preset as SynthPreset], file, Number(batch))))

async function measure(config: Architecture, path: string, samples: number) {
  const { language: specs } = architectureSpecs(config)
  await using table = await SafetensorsFile.open(path)
  const frozen = { ...(await mapQuantized(table, specs)), names: new Set(specs.keys()) }
  const { feeds, ...drawn } = draw(config, samples)
  const start = performance.now()
  const options = { ...drawn, frozen, seed: 1, recompute: recompute !== undefined }
  const program = await TrainingProgram.create(options)
  const loadSeconds = secondsSince(start)
  const { memory } = program
  const optimizer = new AdamW(memory, { groups: parameterGroups(memory.parameters) })
  const times: number[] = []
  const losses: number[] = []
  // The first one is not counted.
  for (let step = 0; step < Number(steps) + 1; step++) {
    const begin = performance.now()
    losses.push((await program.run(step, feeds))['loss']!)
    optimizer.step({ lr: 1e-4 })
    times.push(secondsSince(begin))
  }
  await program.dispose()
  const stepSeconds = median(times.slice(1))
  return {
    batch: samples,
    trainedParameters: memory.parameters.reduce((sum, { value }) => sum + value.length, 0),
    frozenParameters: [...specs.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    loadSeconds,
    stepSeconds,
    samplesPerSecond: samples / stepSeconds,
    firstLoss: losses[0]!,
    lastLoss: losses.at(-1)!,
    peakMemoryGB: (process.resourceUsage().maxRSS * 1024) / 1e9,
  }
}

function draw(config: Architecture, samples: number) {
  const { language, qformer, vision } = config
  const graph = new Graph()
  const patches = 1 + patchCount(vision)
  const features = float32([samples, patches, vision.width], randomValues(samples * patches * vision.width, 1))
  const ids = Array.from({ length: samples * TOKENS }, (_, i) => 10 + ((i * 7919) % (language.vocabularySize - 10)))
  const texts = int64([samples, TOKENS], ids)
  const mask = int64([samples, TOKENS], new Array<number>(ids.length).fill(1))
  if (language.kind === 'opt') {
    const { loss, scope } = stage2(graph, { ...config, language }, { batch: samples, patches, tokens: TOKENS })
    return {
      graph,
      loss,
      specs: scope.specs,
      feeds: { features, ids: texts, mask, targets: targetsOf(texts, qformer.queries) },
    }
  }
  const sizes = { batch: samples, patches, inputTokens: TOKENS, outputTokens: TOKENS }
  const { loss, scope } = stage2T5(graph, { ...config, language }, sizes)
  const feeds = { features, input_ids: texts, input_mask: mask, output_mask: mask, targets: texts }
  return { graph, loss, specs: scope.specs, feeds }
}

/** The soft prompt's places have no label. */
function targetsOf({ shape: [rows, tokens], data }: Value, queries: number): Value {
  const length = queries + tokens!
  const targets = new BigInt64Array(rows! * length).fill(-100n)
  for (let row = 0; row < rows!; row++)
    targets.set((data as BigInt64Array).subarray(row * tokens!, (row + 1) * tokens!), row * length + queries)
  return int64([rows!, length], targets)
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000
}
