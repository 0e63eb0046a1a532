import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as errors from '../../src/errors.js'

/** Headings of the reference, by the folder of the sources that an export comes from, in the order of the page. */
const CHAPTERS: Readonly<Record<string, string>> = {
  tasks: 'Models and tasks',
  generate: 'Decoding',
  image: 'Pictures',
  pictureIndex: 'Picture index',
  capfilt: 'Better captions for a data set',
  data: 'Data sets',
  weights: 'Configuration',
  frozen: 'Models beside a checkpoint of the authors',
  quantize: 'Fewer bits a weight',
  runtime: 'Devices',
}

const INTRODUCTION = `# API reference

What \`import { ... } from 'blip2'\` gives, from the doc comments of the sources: shapes, units, defaults, errors. The pages of the tasks beside this one show it at work. This page is written by a test: \`npx vitest run test/tasks/apiReference.test.ts -u\`.
`

/** Handed from one function to another; what is in it is nobody's business. */
const OPAQUE = ['DataShard']

interface Declaration {
  readonly name: string
  readonly folder: string
  /** What its doc comment says. */
  readonly doc: string
  /** Without the doc comment; those of members are in it. */
  readonly code: string
  /** Types and classes of this package that its file knows. */
  readonly known: readonly string[]
}

/** The reference as Markdown. dist: folder of the compiled package, with its declarations. */
export async function apiReference(dist: string): Promise<string> {
  const declarations = await exportedDeclarations(dist)
  const homeless = declarations.filter(({ folder }) => folder !== '' && CHAPTERS[folder] === undefined)
  if (homeless.length > 0) throw new Error(`no chapter for ${homeless.map(({ name, folder }) => `${folder}/${name}`)}`)
  const chapters = Object.entries(CHAPTERS).map(([folder, title]) => {
    const own = declarations.filter((declaration) => declaration.folder === folder)
    return `## ${title}\n\n${own.map(sectionOf).join('\n')}`
  })
  return [INTRODUCTION, ...chapters, errorsChapter(declarations)].join('\n')
}

/** Names of this package in what it exports that a program could not import, as 'NAME in DECLARATION'. */
export async function unexportedNames(dist: string): Promise<string[]> {
  const declarations = await exportedDeclarations(dist)
  const names = new Set([...declarations.map(({ name }) => name), ...OPAQUE])
  return declarations.flatMap(({ name, code, known }) => {
    const bare = code.replace(/\/\*[\s\S]*?\*\/|'[^'\n]*'/g, '')
    const missing = known.filter((other) => !names.has(other) && new RegExp(`\\b${other}\\b`).test(bare))
    return missing.map((other) => `${other} in ${name}`)
  })
}

const sectionOf = ({ name, doc, code }: Declaration): string =>
  `### ${name}\n\n${doc === '' ? '' : `${doc}\n\n`}\`\`\`ts\n${code}\n\`\`\`\n`

/** The errors differ in their code and their meaning alone. */
function errorsChapter(declarations: readonly Declaration[]): string {
  const { Blip2Error: _, ...classes } = errors
  const docs = new Map(declarations.map(({ name, doc }) => [name, doc]))
  // A module lists its exports by name; what stands in for one in a test does not.
  const inOrder = Object.entries(classes).sort(([a], [b]) => (a < b ? -1 : 1))
  const rows = inOrder.map(([name, Class]) => `| \`${name}\` | \`${new Class('').code}\` | ${docs.get(name)} |`)
  return `## Errors

${docs.get('Blip2Error')}

| class | \`code\` | |
|---|---|---|
${rows.join('\n')}
`
}

async function exportedDeclarations(dist: string): Promise<Declaration[]> {
  const index = await readFile(join(dist, 'index.d.ts'), 'utf8')
  const found: Declaration[] = []
  for (const [, names, path] of index.matchAll(/export (?:type )?(\*|\{[^}]*\}) from '(.*)\.js'/g)) {
    const file = join(dist, `${path}.d.ts`)
    const declared = declarationsOf(await readFile(file, 'utf8'), dirname(path!).split('/')[1] ?? '')
    if (names === '*') found.push(...declared)
    else
      for (const name of names!.replace(/[{}]|\btype\b/g, '').split(','))
        found.push(...(await declarationNamed(name.trim(), file, declared)))
  }
  return found
}

/** A name may be passed on by its module from another one. */
async function declarationNamed(name: string, file: string, declared: readonly Declaration[]): Promise<Declaration[]> {
  const own = declared.filter((declaration) => declaration.name === name)
  if (own.length > 0 || name === '') return own
  const text = await readFile(file, 'utf8')
  const passedOn = [...text.matchAll(/export (?:type )?\{([^}]*)\} from '(.*)\.js'/g)].find(([, names]) =>
    names!.split(',').some((other) => other.replace('type ', '').trim() === name),
  )
  if (!passedOn) throw new Error(`${name} is exported by ${file}, but not declared there`)
  const other = join(dirname(file), `${passedOn[2]}.d.ts`)
  const folder = declared[0]?.folder ?? dirname(other).split('/').at(-1)!
  return declarationNamed(name, other, declarationsOf(await readFile(other, 'utf8'), folder))
}

/** The exported declarations of a file: each begins in the first column, behind its doc comment if it has one. */
function declarationsOf(text: string, folder: string): Declaration[] {
  const lines = text.split('\n')
  const known = knownNames(text)
  const found: Declaration[] = []
  for (let at = 0; at < lines.length; at++) {
    const name = /^export (?:declare )?(?:abstract )?(?:class|interface|type|function|const) (\w+)/.exec(
      lines[at]!,
    )?.[1]
    if (name === undefined) continue
    const end = endOf(lines, at)
    const code = lines
      .slice(at, end + 1)
      .filter((line) => !/^ {4}(#private|private constructor)/.test(line))
      .join('\n')
      .replace(/^export (declare )?/, '')
    found.push({ name, folder, doc: docBefore(lines, at), code: tidy(code), known })
    at = end
  }
  return found
}

/** Those that are declared in a file, and imported from another of the package; they begin with a capital. */
function knownNames(text: string): string[] {
  const imported = [...text.matchAll(/import (?:type )?\{([^}]*)\} from '\./g)].flatMap(([, names]) =>
    names!.split(',').map((name) => name.replace('type ', '').split(' as ').at(-1)!.trim()),
  )
  const own = text.matchAll(/^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|const) (\w+)/gm)
  return [...imported, ...[...own].map(([, name]) => name!)].filter((name) => /^[A-Z]/.test(name))
}

/** Indented by two; parameters that are taken apart are called what they are. */
const tidy = (code: string): string =>
  code.replaceAll('    ', '  ').replace(/\{ [^{}:;]* \}(\??: \w+Options\b)/g, 'options$1')

/** The line on which all brackets are closed again. */
function endOf(lines: readonly string[], start: number): number {
  let depth = 0
  for (let at = start; at < lines.length; at++) {
    for (const bracket of lines[at]!.replace(/'[^']*'|\/\*.*?\*\/|^\s*\*.*/g, '').match(/[{}()[\]]/g) ?? [])
      depth += '{(['.includes(bracket) ? 1 : -1
    if (depth === 0 && /[;}]$/.test(lines[at]!)) return at
  }
  return lines.length - 1
}

function docBefore(lines: readonly string[], at: number): string {
  if (!lines[at - 1]?.endsWith('*/')) return ''
  let start = at - 1
  while (!lines[start]!.startsWith('/**')) start--
  return lines
    .slice(start, at)
    .map((line) => line.replace(/^\/\*\*\s?|\s*\*\/$|^ \*\s?/g, ''))
    .join('\n')
    .trim()
}
