import { trainingConcepts } from '../../../src/data/emoji/concepts.js'
import { type SceneItem, sceneItems } from '../../../src/data/scenes/categories.js'
import type { BackgroundColor } from '../../../src/data/scenes/colors.js'
import type { Position, Scene } from '../../../src/data/scenes/scene.js'

/** The items of the embedded data set. */
export const items = sceneItems(trainingConcepts())

export function itemNamed(label: string): SceneItem {
  const item = items.find((one) => one.label === label)
  if (!item) throw new Error(`no item ${label}`)
  return item
}

export function sceneOf(background: BackgroundColor, things: Partial<Record<Position, string>>): Scene {
  const places = Object.entries(things) as [Position, string][]
  return { background, objects: places.map(([position, label]) => ({ position, item: itemNamed(label) })) }
}
