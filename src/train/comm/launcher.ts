import { ConfigError } from '../../errors.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** The family of the program that started the ranks; its library comes first when one is looked for. */
export type LauncherFamily = 'Open MPI' | 'MPICH' | 'Slurm'

export interface Launch {
  readonly family: LauncherFamily
  /** Processes that were started together. */
  readonly ranks: number
  /** The variable that says so. */
  readonly variable: string
}

/**
 * Innermost first: inside a Slurm job, mpirun's own variable counts. SLURM_STEP_NUM_TASKS is set by srun, and not in the
 * batch script around it, which runs once.
 */
const VARIABLES: readonly (readonly [variable: string, family: LauncherFamily])[] = [
  ['OMPI_COMM_WORLD_SIZE', 'Open MPI'],
  ['PMI_SIZE', 'MPICH'],
  ['SLURM_STEP_NUM_TASKS', 'Slurm'],
]

/** How this process was launched; undefined where it was started alone. */
export function launchOf(environment: Environment = process.env): Launch | undefined {
  for (const [variable, family] of VARIABLES) {
    const text = environment[variable]
    if (text === undefined || text === '') continue
    const ranks = Number(text)
    if (!Number.isSafeInteger(ranks) || ranks < 1)
      throw new ConfigError(`${variable} is '${text}'; expected the number of ranks that the launcher started`)
    return { family, ranks, variable }
  }
  return undefined
}

/** Throws a ConfigError where several processes were launched for something that only one can do. */
export function refuseRanks(what: string, environment?: Environment): void {
  const launch = launchOf(environment)
  if (launch && launch.ranks > 1)
    throw new ConfigError(`${what} runs in one process, ${launch.ranks} were launched; start it without the launcher`)
}
