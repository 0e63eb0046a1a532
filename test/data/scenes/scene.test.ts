import { describe, expect, it } from 'vitest'
import { seededUniform } from '../../../src/data/scenes/random.js'
import { drawScene, mistakable, POSITIONS } from '../../../src/data/scenes/scene.js'
import { DataError } from '../../../src/errors.js'
import { itemNamed, items } from './sceneFixtures.js'

describe('drawScene', () => {
  it('puts one to four things that differ in quadrants of their own, in reading order', () => {
    const random = seededUniform(1)
    const sizes = new Set<number>()
    for (let i = 0; i < 500; i++) {
      const { objects } = drawScene(items, random)
      sizes.add(objects.length)
      const places = objects.map(({ position }) => POSITIONS.indexOf(position))
      expect(places).toEqual([...new Set(places)].sort())
      for (const a of objects) {
        for (const b of objects) if (a !== b) expect(mistakable(a.item, b.item)).toBe(false)
      }
    }
    expect([...sizes].sort()).toEqual([1, 2, 3, 4])
  })

  it('is given by its seed', () => {
    expect(drawScene(items, seededUniform(7))).toEqual(drawScene(items, seededUniform(7)))
    expect(drawScene(items, seededUniform(7))).not.toEqual(drawScene(items, seededUniform(8)))
  })

  it('holds what is required where it is required', () => {
    const dog = itemNamed('dog')
    const { objects } = drawScene(items, seededUniform(2), [{ item: dog, position: 'bottom left' }])
    expect(objects.find(({ position }) => position === 'bottom left')?.item).toBe(dog)
  })

  it('says when the items are too alike', () => {
    const random = seededUniform(3)
    const alike = [itemNamed('dog'), itemNamed('guide dog')]
    expect(() => {
      for (let i = 0; i < 20; i++) drawScene(alike, random)
    }).toThrow(DataError)
  })
})

it('takes look-alikes for each other and nothing else', () => {
  expect(mistakable(itemNamed('dog'), itemNamed('guide dog'))).toBe(true)
  expect(mistakable(itemNamed('automobile'), itemNamed('oncoming automobile'))).toBe(true)
  expect(mistakable(itemNamed('dog'), itemNamed('violin'))).toBe(false)
})
