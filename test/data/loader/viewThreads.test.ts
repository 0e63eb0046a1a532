import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type TrainingViewOptions, trainingView } from '../../../src/data/loader/trainingView.js'
import type { ViewThreads } from '../../../src/data/loader/viewThreads.js'
import { Random } from '../../../src/train/random/random.js'
import { fixture } from '../fixture.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
let built: string
let Threads: typeof ViewThreads

// Threads run built scripts. They are built below node_modules' folder, but apart from dist, which other tests build.
beforeAll(async () => {
  await mkdir(join(root, '.build'), { recursive: true })
  built = await mkdtemp(join(root, '.build', 'view-threads-'))
  const compiler = join(root, 'node_modules/.bin/tsc')
  await promisify(execFile)(compiler, ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', built], { cwd: root })
  const module = await import(pathToFileURL(join(built, 'data/loader/viewThreads.js')).href)
  Threads = (module as { ViewThreads: typeof ViewThreads }).ViewThreads
})
afterAll(() => rm(built, { recursive: true, force: true }))

const options: TrainingViewOptions = { size: 16, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], randAugment: {} }
const pictures = ['red', 'blue'].map((name) => ({
  key: name,
  image: fixture(`folder/${name}.jpg`),
  captions: [`a ${name} card`, name] as const,
}))

it('gives what one thread would give', async () => {
  const threads = new Threads(options, 2)
  const load = trainingView(options)
  const requests = Array.from({ length: 12 }, (_, i) => pictures[i % 2]!)
  const views = await Promise.all(requests.map((picture, i) => threads.load(picture, new Random(i))))
  expect(views).toEqual(await Promise.all(requests.map((picture, i) => load(picture, new Random(i)))))
  await threads.close()
})

it('passes on errors of their class, and goes on', async () => {
  const threads = new Threads(options, 1)
  const broken = { ...pictures[0]!, image: Buffer.from('no picture') }
  await expect(threads.load(broken, new Random(1))).rejects.toMatchObject({ code: 'IMAGE', name: 'ImageError' })
  expect(await threads.load(pictures[0]!, new Random(1))).toHaveProperty('pixels')
  await threads.close()
})

it('stops at a signal, and when it is closed', async () => {
  const threads = new Threads(options, 1)
  const controller = new AbortController()
  const aborted = threads.load(pictures[0]!, new Random(1), controller.signal)
  const waiting = threads.load(pictures[1]!, new Random(1))
  controller.abort()
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
  const refused = expect(waiting).rejects.toMatchObject({ code: 'DISPOSED' })
  await threads.close()
  await refused
  await expect(threads.load(pictures[0]!, new Random(1))).rejects.toMatchObject({ code: 'DISPOSED' })
  expect(() => new Threads(options, 0)).toThrow(/expected 1 thread or more, got 0/)
})
