/** `npm run bench -- NAME [--json]`: prints what was measured; with --json the last line is JSON and nothing else. */
const BENCHMARKS: Readonly<Record<string, () => Promise<BenchmarkModule>>> = {
  engine: () => import('./engine.js'),
  features: () => import('./features.js'),
  'full-size': () => import('./fullSize.js'),
  generate: () => import('./generate.js'),
  index: () => import('./index.js'),
  loader: () => import('./loader.js'),
  scaling: () => import('./scaling.js'),
  'scale-plan': () => import('./scalePlan.js'),
  serve: () => import('./serve.js'),
  stage2: () => import('./stage2.js'),
}

/** Figures by name, in groups where there are many. */
export interface Figures {
  readonly [name: string]: number | Figures
}

/** Measures, reports progress through `note`, and gives its figures. `args`: what follows the name, for those that take some. */
export type Benchmark = (note: (line: string) => void, args: readonly string[]) => Promise<Figures>

interface BenchmarkModule {
  readonly bench: Benchmark
  readonly takesArguments?: boolean
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args.filter((argument) => argument !== '--json')
  const load = name !== undefined && Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined
  const found = await load?.()
  if (!found || (rest.length > 0 && !found.takesArguments)) {
    console.error(`usage: npm run bench -- NAME [--json]\nNAME is one of: ${Object.keys(BENCHMARKS).join(', ')}`)
    return 2
  }
  const figures = await found.bench(console.log, rest)
  if (args.includes('--json')) console.log(JSON.stringify(figures))
  else print(figures)
  return 0
}

function print(figures: Figures, group = ''): void {
  for (const [name, value] of Object.entries(figures))
    if (typeof value === 'number') console.log(`${group}${name}: ${format(value)}`)
    else print(value, `${group}${name}.`)
}

const format = (value: number) => value.toLocaleString('en', { maximumSignificantDigits: 4 })

process.exitCode = await main(process.argv.slice(2))
