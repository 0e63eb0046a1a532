import { DataError } from '../../errors.js'
import type { SceneItem } from './categories.js'
import { BACKGROUND_COLOR_NAMES, type BackgroundColor } from './colors.js'
import { pick, shuffled, type UniformRandom } from './random.js'

/** The quadrants, in reading order. */
export const POSITIONS = ['top left', 'top right', 'bottom left', 'bottom right'] as const
export type Position = (typeof POSITIONS)[number]

export interface SceneObject {
  item: SceneItem
  position: Position
}

/** One to four things, each in a quadrant of its own, on a ground of one colour. Objects are in reading order. */
export interface Scene {
  background: BackgroundColor
  objects: readonly SceneObject[]
}

/**
 * Draws a scene. The first thing is any item, each further one is half the time of a category already there, so that
 * there is something to count. No two things of a scene can be taken for each other, and all stand out from its ground.
 *
 * @param required things that must be in the scene, at a given position or any
 * @throws DataError when the items are too few or too alike
 */
export function drawScene(
  items: readonly SceneItem[],
  random: UniformRandom,
  required: readonly { item: SceneItem; position?: Position }[] = [],
): Scene {
  const count = Math.max(required.length, 1 + Math.floor(random() * POSITIONS.length))
  const taken = new Set(required.map(({ position }) => position))
  const free = shuffled(POSITIONS, random).filter((position) => !taken.has(position))
  const objects: SceneObject[] = required.map(({ item, position }) => ({ item, position: position ?? free.pop()! }))
  while (objects.length < count) {
    const present = objects.map(({ item }) => item)
    objects.push({ item: drawItem(items, present, random), position: free.pop()! })
  }
  objects.sort((a, b) => POSITIONS.indexOf(a.position) - POSITIONS.indexOf(b.position))
  const grounds = commonGrounds(objects.map(({ item }) => item))
  if (grounds.length === 0)
    throw new DataError(`No ground shows all of ${objects.map(({ item }) => item.label).join(', ')}`)
  return { background: pick(grounds, random), objects }
}

/**
 * Whether one could be taken for the other: they share a word ("cat", "black cat"), or CLDR gives one as a tag of the
 * other. Two such things never stand in one scene, and the absence of one is never asked beside the other.
 */
export function mistakable(a: SceneItem, b: SceneItem): boolean {
  const words = new Set(a.label.split(' '))
  return b.label.split(' ').some((word) => words.has(word)) || a.tags.includes(b.label) || b.tags.includes(a.label)
}

/** The grounds that all of the items stand out from. */
const commonGrounds = (items: readonly SceneItem[]): BackgroundColor[] =>
  BACKGROUND_COLOR_NAMES.filter((color) =>
    items.every(({ grounds }) => grounds === undefined || grounds.includes(color)),
  )

function drawItem(items: readonly SceneItem[], present: readonly SceneItem[], random: UniformRandom): SceneItem {
  const category = present.length > 0 && random() < 0.5 ? pick(present, random).category : undefined
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const item = pick(items, random)
    const wanted = category === undefined || item.category === category || attempt > MAX_ATTEMPTS / 2
    if (wanted && !present.some((other) => mistakable(item, other))) return item
  }
  throw new DataError(`Cannot fill a scene from ${items.length} items: give more items that differ in their names.`)
}

const MAX_ATTEMPTS = 1000
