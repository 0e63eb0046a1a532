import { float32 } from '../../src/runtime/index.js'
import { AdamW } from '../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../src/train/optimizer/parameterGroups.js'
import { ParameterMemory } from '../../src/train/optimizer/parameterMemory.js'
import { epochCosine } from '../../src/train/schedule.js'
import { type Fixture, type Json, number, section, tensor, type Values } from './fixture.js'

/** AdamW with the authors' groups and schedule: the rate and every value of every step, in each of the runs. */
export async function optimizerCase({ config, inputs }: Fixture): Promise<Values> {
  const values: Values = {}
  const runs = section(config, 'runs')
  for (const run of Object.keys(runs)) {
    const steps = number(config, 'steps')
    const rates = learningRates(section(runs, run), steps)
    values[`${run}.lr`] = float32([steps], Float32Array.from(rates))
    Object.assign(values, optimize(run, section(runs, run), rates, inputs))
  }
  return values
}

function learningRates(run: Json, steps: number): number[] {
  const warmupStart = number(run, 'warmup_start_lr')
  const schedule = epochCosine({
    initial: number(run, 'init_lr'),
    minimum: number(run, 'min_lr'),
    epochs: number(run, 'max_epoch'),
    stepsPerEpoch: number(run, 'iters'),
    warmupSteps: number(run, 'warmup_steps'),
    // Their -1 means no warm-up.
    ...(warmupStart < 0 ? {} : { warmupStart }),
  })
  return Array.from({ length: steps }, (_, step) => schedule(step))
}

function optimize(name: string, run: Json, rates: readonly number[], inputs: Values): Values {
  const specs = Object.entries(inputs)
    .filter(([key]) => key.startsWith(INITIAL))
    .map(([key, { shape }]) => ({ name: key.slice(INITIAL.length), shape }))
  const memory = new ParameterMemory(specs)
  const adamw = new AdamW(memory, {
    groups: parameterGroups(specs),
    betas: run['betas'] as [number, number],
    eps: number(run, 'eps'),
  })
  for (const { name, value } of memory.parameters) value.set(floats(inputs, INITIAL + name))
  const values: Values = {}
  rates.forEach((lr, step) => {
    for (const { name, gradient } of memory.parameters) gradient.set(floats(inputs, `grad.${step}.${name}`))
    adamw.step({ lr })
    for (const { name: parameter, shape, value } of memory.parameters)
      values[`${name}.step${step}.${parameter}`] = float32(shape, value.slice())
  })
  return values
}

const INITIAL = 'init.'

const floats = (values: Values, name: string) => tensor(values, name).data as Float32Array
