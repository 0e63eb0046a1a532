import { Graph, type Tensor } from '../graph/index.js'
import { CompiledFunction, type CompileOptions } from '../runtime/index.js'

/** Draws a graph and opens it in the runtime. */
export function compileGraph(
  draw: (graph: Graph) => Record<string, Tensor>,
  options: CompileOptions,
): Promise<CompiledFunction> {
  const graph = new Graph()
  return CompiledFunction.create(graph, draw(graph), options)
}
