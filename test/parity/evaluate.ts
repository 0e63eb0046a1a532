import type { Tensor } from '../../src/graph/index.js'
import { CompiledFunction, type Value } from '../../src/runtime/index.js'
import type { Values } from './fixture.js'

/** Compiles and runs once; weights are fed like inputs. The values outlive the function. */
export async function evaluate(outputs: Record<string, Tensor>, feeds: Values): Promise<Values> {
  const graph = Object.values(outputs)[0]!.graph
  const compiled = await CompiledFunction.create(graph, outputs)
  try {
    const wanted = Object.fromEntries([...compiled.inputs.keys()].map((name) => [name, feeds[name]!]))
    return { ...(await compiled.run(wanted)) } as Record<string, Value>
  } finally {
    await compiled.dispose()
  }
}
