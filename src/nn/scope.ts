import type { Graph, Tensor } from '../graph/graph.js'

/** How a weight starts when it is not loaded from a file. */
export type Initializer =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly std: number }

export const zeros: Initializer = { kind: 'zeros' }
export const ones: Initializer = { kind: 'ones' }
export const normal = (std: number): Initializer => ({ kind: 'normal', std })

export interface ParameterSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly initializer: Initializer
}

/** A place in the tree of a model's names; drawing a model through scopes declares its weights. */
export class Scope {
  readonly graph: Graph
  readonly path: string
  /** Every weight declared through this scope and those made from it, by full name. */
  readonly specs: Map<string, ParameterSpec>

  constructor(graph: Graph, path = '', specs = new Map<string, ParameterSpec>()) {
    this.graph = graph
    this.path = path
    this.specs = specs
  }

  /** The scope below, 'encoder.layer' -> 'encoder.layer.3'. */
  in(name: string | number): Scope {
    return new Scope(this.graph, this.#name(String(name)), this.specs)
  }

  /** Declares a weight or finds it again (tied weights share a name). */
  parameter(name: string, shape: readonly number[], initializer: Initializer): Tensor {
    const full = this.#name(name)
    if (!this.specs.has(full)) this.specs.set(full, { name: full, shape, initializer })
    return this.graph.parameter(full, shape)
  }

  /** Draws with this scope's path in the labels that errors quote. */
  draw<T>(body: () => T): T {
    return this.graph.scope(this.path, body)
  }

  #name(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }
}
