type Labels = Readonly<Record<string, string | number>>

export interface Counter {
  readonly add: (labels?: Labels, value?: number) => void
}

export interface Histogram {
  readonly observe: (value: number, labels?: Labels) => void
}

/** One name of the exposition: its samples, by labels. */
interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly lines: () => string[]
}

interface Distribution {
  readonly labels: Labels
  /** Observations up to each bound. */
  readonly counts: number[]
  sum: number
  count: number
}

/** Measurements in the text format of Prometheus. */
export class Metrics {
  readonly #families: Family[] = []

  counter(name: string, help: string): Counter {
    const values = new Map<string, { readonly labels: Labels; value: number }>()
    const lines = () => [...values.values()].map(({ labels, value }) => sample(name, labels, value))
    this.#families.push({ name, type: 'counter', help, lines })
    return {
      add: (labels = {}, value = 1) => {
        const own = entryOf(values, labels, () => ({ labels, value: 0 }))
        own.value += value
      },
    }
  }

  /** @param bounds Upper bounds of the buckets, ascending. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const all = new Map<string, Distribution>()
    const lines = () => [...all.values()].flatMap((one) => distributionLines(name, one, bounds))
    this.#families.push({ name, type: 'histogram', help, lines })
    return {
      observe: (value, labels = {}) => {
        const own = entryOf(all, labels, () => ({ labels, counts: bounds.map(() => 0), sum: 0, count: 0 }))
        own.sum += value
        own.count++
        bounds.forEach((bound, i) => {
          if (value <= bound) own.counts[i]!++
        })
      },
    }
  }

  /** A value that is read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void {
    this.#families.push({ name, type: 'gauge', help, lines: () => [sample(name, {}, read())] })
  }

  text(): string {
    return this.#families
      .map(({ name, type, help, lines }) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines(), ''])
      .map((part) => part.join('\n'))
      .join('')
  }
}

function entryOf<T>(values: Map<string, T>, labels: Labels, create: () => T): T {
  const key = JSON.stringify(labels)
  const known = values.get(key) ?? create()
  values.set(key, known)
  return known
}

function distributionLines(name: string, { labels, counts, sum, count }: Distribution, bounds: readonly number[]) {
  return [
    ...bounds.map((bound, i) => sample(`${name}_bucket`, { ...labels, le: bound }, counts[i]!)),
    sample(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
    sample(`${name}_sum`, labels, sum),
    sample(`${name}_count`, labels, count),
  ]
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(String(text))}"`)
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`
}

const escapeLabel = (text: string): string =>
  text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
