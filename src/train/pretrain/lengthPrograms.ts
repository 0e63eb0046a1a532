import { ShapeError } from '../../errors.js'
import type { Value } from '../../runtime/index.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import type { StepProgram } from '../program.js'

/** Programs for texts of several lengths over the same weights; the input 'ids' [batch, tokens] tells which one runs. */
export class LengthPrograms implements StepProgram {
  readonly memory: ParameterMemory
  readonly #programs: ReadonlyMap<number, StepProgram>

  private constructor(memory: ParameterMemory, programs: ReadonlyMap<number, StepProgram>) {
    this.memory = memory
    this.#programs = programs
  }

  /** @param open Draws and compiles the program for texts of so many tokens, over the given weights or new ones. */
  static async create(
    lengths: readonly number[],
    open: (tokens: number, memory?: ParameterMemory) => Promise<StepProgram>,
  ): Promise<LengthPrograms> {
    const programs = new Map<number, StepProgram>()
    let memory: ParameterMemory | undefined
    try {
      for (const tokens of lengths) {
        const program = await open(tokens, memory)
        memory = program.memory
        programs.set(tokens, program)
      }
      if (!memory) throw new ShapeError('a stage needs texts of at least one length')
      return new LengthPrograms(memory, programs)
    } catch (error) {
      await disposeAll(programs)
      throw error
    }
  }

  run(step: number, feeds: Readonly<Record<string, Value>>): Promise<Record<string, number>> {
    const tokens = feeds['ids']!.shape[1]!
    const program = this.#programs.get(tokens)
    if (!program)
      throw new ShapeError(
        `no program takes texts of ${tokens} tokens; there are ${[...this.#programs.keys()].join(', ')}`,
      )
    return program.run(step, feeds)
  }

  dispose(): Promise<void> {
    return disposeAll(this.#programs)
  }
}

async function disposeAll(programs: ReadonlyMap<number, StepProgram>): Promise<void> {
  await Promise.all([...programs.values()].map((program) => program.dispose()))
}
