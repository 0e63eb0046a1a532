import { indefiniteArticle, withArticle } from './nouns.js'
import type { Scene } from './scene.js'

/**
 * Captions of a scene, all true, the fullest last. Things are named in reading order:
 * - "a cat and an apple on a red background"
 * - "two things: a cat and an apple" (not for one thing)
 * - "a cat in the top left and an apple in the bottom right"
 * - "a cat in the top left and an apple in the bottom right on a red background"
 */
export function describeScene({ background, objects }: Scene): string[] {
  const names = listed(objects.map(({ item }) => withArticle(item.label)))
  const places = listed(objects.map(({ item, position }) => `${withArticle(item.label)} in the ${position}`))
  const ground = `on ${indefiniteArticle(background)} ${background} background`
  const counted = objects.length > 1 ? [`${NUMBER_WORDS[objects.length]} things: ${names}`] : []
  return [`${names} ${ground}`, ...counted, places, `${places} ${ground}`]
}

const NUMBER_WORDS = ['no', 'one', 'two', 'three', 'four']

/** "a", "a and b", "a, b and c". */
function listed(phrases: readonly string[]): string {
  const last = phrases.at(-1) ?? ''
  return phrases.length < 2 ? last : `${phrases.slice(0, -1).join(', ')} and ${last}`
}
