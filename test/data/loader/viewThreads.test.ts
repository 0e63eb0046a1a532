import { expect, it } from 'vitest'
import { type TrainingViewOptions, trainingView } from '../../../src/data/loader/trainingView.js'
import { Random } from '../../../src/train/random/random.js'
import { importCompiled } from '../../setup/compiledPackage.js'
import { fixture } from '../fixture.js'

// Threads run compiled scripts.
const { ViewThreads } =
  await importCompiled<typeof import('../../../src/data/loader/viewThreads.js')>('data/loader/viewThreads.js')

const options: TrainingViewOptions = { size: 16, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], randAugment: {} }
const pictures = ['red', 'blue'].map((name) => ({
  key: name,
  image: fixture(`folder/${name}.jpg`),
  captions: [`a ${name} card`, name] as const,
}))

it('gives what one thread would give', async () => {
  const threads = new ViewThreads(options, 2)
  const load = trainingView(options)
  const requests = Array.from({ length: 12 }, (_, i) => pictures[i % 2]!)
  const views = await Promise.all(requests.map((picture, i) => threads.load(picture, new Random(i))))
  expect(views).toEqual(await Promise.all(requests.map((picture, i) => load(picture, new Random(i)))))
  await threads.close()
})

it('gives the same in memory that was given back', async () => {
  const threads = new ViewThreads(options, 2)
  const load = (seed: number) => threads.load(pictures[seed % 2]!, new Random(seed))
  const first = await Promise.all([0, 1, 2, 3].map(load))
  const copies = first.map(({ pixels, caption }) => ({ pixels: pixels.slice(), caption }))
  for (const view of first) threads.recycle(view)
  const again = await Promise.all([0, 1, 2, 3].map(load))
  expect(again).toEqual(copies)
  // The memory moved on with the new views.
  expect(first.every(({ pixels }) => pixels.length === 0)).toBe(true)
  await threads.close()
})

it('passes on errors of their class, and goes on', async () => {
  const threads = new ViewThreads(options, 1)
  const broken = { ...pictures[0]!, image: Buffer.from('no picture') }
  await expect(threads.load(broken, new Random(1))).rejects.toMatchObject({ code: 'IMAGE', name: 'ImageError' })
  expect(await threads.load(pictures[0]!, new Random(1))).toHaveProperty('pixels')
  await threads.close()
})

it('stops at a signal, and when it is closed', async () => {
  const threads = new ViewThreads(options, 1)
  const controller = new AbortController()
  const aborted = threads.load(pictures[0]!, new Random(1), controller.signal)
  const waiting = threads.load(pictures[1]!, new Random(1))
  controller.abort()
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
  const refused = expect(waiting).rejects.toMatchObject({ code: 'DISPOSED' })
  await threads.close()
  await refused
  await expect(threads.load(pictures[0]!, new Random(1))).rejects.toMatchObject({ code: 'DISPOSED' })
  expect(() => new ViewThreads(options, 0)).toThrow(/expected 1 thread or more, got 0/)
})
