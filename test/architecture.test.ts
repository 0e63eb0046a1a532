import { readdir, readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')

it('a folder imports only from folders above it in docs/architecture.md, but for the leaves named there', async () => {
  const page = await readFile(join(ROOT, 'docs/architecture.md'), 'utf8')
  const [rule, table] = page.split('## The house, ground floor first')[1]!.split('| folder |')
  const leaves = sourcePaths(rule!)
  const rows = table!.split('\n').map((row) => sourcePaths(row.split('|')[1] ?? ''))
  const floors = new Map(rows.flatMap((paths, floor) => paths.map((path) => [path, floor] as const)))
  const folderOf = (file: string) => [...floors.keys()].find((path) => file.startsWith(path))
  const wrong: string[] = []
  for (const file of await sourceFiles()) {
    const from = folderOf(file)
    for (const imported of await importsOf(file)) {
      const to = folderOf(imported)
      if (to === undefined) wrong.push(`${imported} is in no folder of the page`)
      else if (floors.get(to)! > floors.get(from!)! && !leaves.some((leaf) => imported.startsWith(leaf)))
        wrong.push(`${file} imports ${imported}`)
    }
  }
  expect(wrong).toEqual([])
  expect(floors.size).toBeGreaterThan(20)
})

/** What stands in backquotes and begins with src/. */
const sourcePaths = (text: string): string[] => [...text.matchAll(/`(src\/[^`]*)`/g)].map(([, path]) => path!)

/** All but the entry point, which passes on what every floor has. */
async function sourceFiles(): Promise<string[]> {
  const entries = await readdir(join(ROOT, 'src'), { recursive: true })
  return entries.filter((name) => /\.tsx?$/.test(name) && name !== 'index.ts').map((name) => `src/${name}`)
}

async function importsOf(file: string): Promise<string[]> {
  const text = await readFile(join(ROOT, file), 'utf8')
  const specifiers = text.matchAll(/(?:from|import)\s*\(?'(\.[^']+)'/g)
  return [...specifiers]
    .map(([, path]) => relative(ROOT, resolve(ROOT, file, '..', path!)).replace(/\.js$/, '.ts'))
    .filter((path) => path.startsWith('src/'))
}
