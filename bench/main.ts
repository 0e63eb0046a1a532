/** `npm run bench -- NAME [--json]`: prints what was measured; with --json the last line is JSON and nothing else. */
const BENCHMARKS: Readonly<Record<string, () => Promise<{ readonly bench: Benchmark }>>> = {
  engine: () => import('./engine.js'),
}

/** Measures, reports progress through `note`, and gives its figures by name. */
export type Benchmark = (note: (line: string) => void) => Promise<Readonly<Record<string, number>>>

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args.filter((argument) => argument !== '--json')
  const load = name !== undefined && Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined
  if (!load || rest.length > 0) {
    console.error(`usage: npm run bench -- NAME [--json]\nNAME is one of: ${Object.keys(BENCHMARKS).join(', ')}`)
    return 2
  }
  const { bench } = await load()
  const figures = await bench(console.log)
  if (args.includes('--json')) console.log(JSON.stringify(figures))
  else for (const [figure, value] of Object.entries(figures)) console.log(`${figure}: ${format(value)}`)
  return 0
}

const format = (value: number) => value.toLocaleString('en', { maximumSignificantDigits: 4 })

process.exitCode = await main(process.argv.slice(2))
