import { describe, expect, it } from 'vitest'
import { ConfigError, DataError } from '../../../src/errors.js'
import { BACKGROUND_COLORS } from '../../../src/data/scenes/colors.js'
import { SceneSet } from '../../../src/data/scenes/sceneSet.js'
import { fakeDrawings } from './fakeDrawings.js'

const drawings = fakeDrawings()
const set = (options: Partial<ConstructorParameters<typeof SceneSet>[1]> = {}) =>
  new SceneSet(drawings, { split: 'test', count: 360, ...options })
const scenes = set()
const indices = Array.from({ length: scenes.length }, (_, index) => index)

describe('a set of scenes', () => {
  it('asks the two scenes of a pair the same, and the answers differ', () => {
    for (let index = 0; index < scenes.length; index += 2) {
      const [first, second] = [scenes.question(index), scenes.question(index + 1)]
      expect(second.question).toBe(first.question)
      expect(second.answer).not.toBe(first.answer)
    }
  })

  it('has as many questions of each type, and yes as often as no', () => {
    const types = new Map<string, number>()
    const yes = indices.filter((index) => scenes.question(index).answer === 'yes').length
    const no = indices.filter((index) => scenes.question(index).answer === 'no').length
    for (const index of indices)
      types.set(scenes.question(index).type, (types.get(scenes.question(index).type) ?? 0) + 1)
    expect([...types.values()]).toEqual(Array(9).fill(40))
    expect(yes).toBe(no)
  })

  it('is a function of split, seed and number alone', () => {
    const again = set()
    const backwards = indices
      .slice(0, 40)
      .toReversed()
      .map((index) => again.scene(index))
      .toReversed()
    expect(backwards).toEqual(indices.slice(0, 40).map((index) => scenes.scene(index)))
    expect(again.picture(5).rgba).toEqual(scenes.picture(5).rgba)
    expect(set({ seed: 1 }).scene(0)).not.toEqual(scenes.scene(0))
    expect(set({ split: 'val' }).scene(0)).not.toEqual(scenes.scene(0))
  })

  it('asks for training what else can be asked of the picture, nothing twice', () => {
    for (const index of indices.slice(0, 60)) {
      const questions = scenes.allQuestions(index)
      expect(questions[0]).toEqual(scenes.question(index))
      expect(new Set(questions.map(({ question }) => question)).size).toBe(questions.length)
      for (const { position, item } of scenes.scene(index).objects)
        expect(questions).toContainEqual({
          type: 'what is where',
          question: `what is in the ${position}?`,
          answer: item.label.replaceAll('-', ' '),
        })
    }
  })

  it('paints each thing in its quadrant, on the ground that the caption says', () => {
    for (const index of indices.slice(0, 30)) {
      const { background, objects } = scenes.scene(index)
      const { rgba, size } = scenes.picture(index)
      const ground = BACKGROUND_COLORS[background]
      const painted = (top: number, left: number) => {
        let differing = 0
        for (let y = top; y < top + size / 2; y++)
          for (let x = left; x < left + size / 2; x++)
            if (ground.some((value, c) => Math.abs(value - rgba[(y * size + x) * 4 + c]!) > 8)) differing++
        return differing
      }
      for (const [position, top, left] of [
        ['top left', 0, 0],
        ['top right', 0, size / 2],
        ['bottom left', size / 2, 0],
        ['bottom right', size / 2, size / 2],
      ] as const) {
        const isThere = objects.some((object) => object.position === position)
        expect(painted(top, left) > 300, `${index} ${position}`).toBe(isThere)
      }
    }
  })

  it('refuses half a pair', () => {
    expect(() => set({ count: 5 })).toThrow(ConfigError)
  })
})

describe('drawings of scenes', () => {
  it('are those of things that four artists drew, without number words', () => {
    const some = fakeDrawings((label, artist) => (label === 'cat' && artist === 'noto' ? undefined : [9, 9, 9]))
    const labels = some.items.map(({ label }) => label)
    expect(labels).not.toContain('cat')
    expect(labels).toContain('dog')
    expect(labels).not.toContain('two-hump camel')
  })

  it('stand out from the ground', () => {
    const dark = fakeDrawings((_, artist) => (artist === 'noto' ? [230, 230, 20] : [26, 26, 26]))
    const dog = dark.items.find(({ label }) => label === 'dog')!
    expect(dark.of(dog, 'black')).toHaveLength(1)
    expect(dark.of(dog, 'yellow')).toHaveLength(3)
    expect(dark.of(dog, 'blue')).toHaveLength(4)
    const black = fakeDrawings(() => [26, 26, 26])
    expect(black.items[0]!.grounds).not.toContain('black')
    expect(() => black.of(black.items[0]!, 'black')).toThrow(DataError)
  })

  it('share a ground, whichever four are together', () => {
    for (const { grounds } of drawings.items) expect(grounds!.length).toBeGreaterThanOrEqual(9)
  })
})
