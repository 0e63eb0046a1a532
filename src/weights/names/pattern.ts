/**
 * Patterns of tensor names: `#` stands for a number, `*` for any text, `(part)` for a part that may be absent.
 * `#` and `*` are captured in order and filled in order.
 */

/** What `#` and `*` stand for in `name`; undefined where it does not match. */
export function matchPattern(pattern: string, name: string): string[] | undefined {
  const match = compile(pattern).exec(name)
  return match === null ? undefined : match.slice(1)
}

/** The names that a pattern gives, those with its optional parts first. `(` and `)` enclose no `#` or `*`. */
export function fillPattern(pattern: string, captures: readonly string[]): string[] {
  let next = 0
  return withAndWithout(pattern.replace(/[#*]/g, () => captures[next++] ?? ''))
}

const compiled = new Map<string, RegExp>()

function compile(pattern: string): RegExp {
  let expression = compiled.get(pattern)
  if (expression === undefined) {
    const source = pattern
      .replace(/[.]/g, '\\$&')
      .replace(/\(([^)]*)\)/g, '(?:$1)?')
      .replaceAll('#', '(\\d+)')
      .replaceAll('*', '(.+)')
    expression = new RegExp(`^${source}$`)
    compiled.set(pattern, expression)
  }
  return expression
}

function withAndWithout(name: string): string[] {
  const match = /^(.*?)\(([^)]*)\)(.*)$/.exec(name)
  if (match === null) return [name]
  const [, before, part, after] = match as unknown as [string, string, string, string]
  const rest = withAndWithout(after)
  return [...rest.map((tail) => before + part + tail), ...rest.map((tail) => before + tail)]
}
