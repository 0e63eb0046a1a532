import { benchAdamw } from './adamw.js'
import { bertStep } from './bertStep.js'
import { gemmCeiling } from './gemm.js'
import type { Benchmark } from './main.js'
import { median } from './measure.js'

const ROUNDS = 4
const RUNS = 2

/**
 * A training step of BERT-base beside the best matrix product of the same runtime, and the optimiser's step beside the
 * memory's speed. Products and steps take turns, so that a busy machine slows both alike. About 2 minutes on 2 cores.
 */
export const bench: Benchmark = async (note) => {
  const products: Record<string, number>[] = []
  const steps: number[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    products.push((await gemmCeiling(RUNS)).bySize)
    const { gflops, seconds } = await bertStep(RUNS)
    steps.push(gflops)
    note(`round ${round}: BERT-base step ${seconds.toFixed(3)} s, ${gflops.toFixed(0)} GFLOP/s`)
  }
  const bySize = Object.keys(products[0]!).map((size) => ({
    size,
    rate: median(products.map((round) => round[size]!)),
  }))
  for (const { size, rate } of bySize) note(`product ${size}: ${rate.toFixed(0)} GFLOP/s`)
  const gemmGflops = Math.max(...bySize.map(({ rate }) => rate))
  const bertStepGflops = median(steps)
  const { adamwSeconds, copyBandwidth, adamwRatio } = await benchAdamw()
  return { gemmGflops, bertStepGflops, ratio: bertStepGflops / gemmGflops, adamwSeconds, copyBandwidth, adamwRatio }
}
