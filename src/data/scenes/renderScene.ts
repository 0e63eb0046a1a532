import type { RgbaPicture } from '../../image/affineSampler.js'
import { BACKGROUND_COLORS } from './colors.js'
import type { SceneDrawings } from './drawings.js'
import { pick, shuffled, type UniformRandom } from './random.js'
import type { Position, Scene } from './scene.js'

/** How things lie in their quadrants. */
export interface SceneLayout {
  /** Side of a drawing, as a part of the quadrant's. */
  readonly scale: readonly [least: number, most: number]
  /** 'inside': each drawing keeps to its quadrant. 'overlapping': only its centre does, and drawings may cover others. */
  readonly placement: 'inside' | 'overlapping'
}

export const PLAIN_LAYOUT: SceneLayout = { scale: [0.75, 0.95], placement: 'inside' }
export const HARD_LAYOUT: SceneLayout = { scale: [0.55, 1.25], placement: 'overlapping' }

/** How far the centre of an overlapping drawing may be from its quadrant's, as a part of the quadrant's side. */
const CENTRE_SHIFT = 0.2

/** Paints a scene: for each thing one of its drawings. -> opaque, size x size */
export function renderScene(
  { background, objects }: Scene,
  drawings: SceneDrawings,
  { scale: [least, most], placement }: SceneLayout,
  size: number,
  random: UniformRandom,
): RgbaPicture {
  const ground = BACKGROUND_COLORS[background]
  const canvas = new Float32Array(size * size * 3)
  for (let i = 0; i < canvas.length; i++) canvas[i] = ground[i % 3]!
  const quadrant = size / 2
  // What is painted later lies on top, which shows where things overlap.
  for (const { item, position } of shuffled(objects, random)) {
    const drawing = pick(drawings.of(item, background), random)
    const side = quadrant * (least + (most - least) * random())
    const free = placement === 'inside' ? quadrant - side : 2 * CENTRE_SHIFT * quadrant
    const start = placement === 'inside' ? 0 : (quadrant - side - free) / 2
    const [left, top] = corner(position, quadrant)
    paint(canvas, size, drawing, left + start + free * random(), top + start + free * random(), side)
  }
  const rgba = new Uint8Array(size * size * 4).fill(255)
  for (let i = 0; i < size * size; i++) for (let c = 0; c < 3; c++) rgba[i * 4 + c] = Math.round(canvas[i * 3 + c]!)
  return { rgba, size }
}

const corner = (position: Position, quadrant: number): readonly [left: number, top: number] => [
  position.endsWith('right') ? quadrant : 0,
  position.startsWith('bottom') ? quadrant : 0,
]

/** Samples of a drawing for each pixel and axis. */
const SAMPLES = 3

/** Lays a drawing scaled to `side` on the canvas [size, size, 3]; what lies outside is cut off. */
function paint(
  canvas: Float32Array,
  size: number,
  drawing: RgbaPicture,
  left: number,
  top: number,
  side: number,
): void {
  const { rgba, size: source } = drawing
  const step = source / side
  const sampleAt = (position: number, start: number) => Math.floor((position - start) * step)
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(size, Math.ceil(top + side)); y++)
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(size, Math.ceil(left + side)); x++) {
      let [red, green, blue, alpha] = [0, 0, 0, 0]
      for (let k = 0; k < SAMPLES; k++) {
        const row = sampleAt(y + (k + 0.5) / SAMPLES, top)
        if (row < 0 || row >= source) continue
        for (let j = 0; j < SAMPLES; j++) {
          const column = sampleAt(x + (j + 0.5) / SAMPLES, left)
          if (column < 0 || column >= source) continue
          const from = (row * source + column) * 4
          const opacity = rgba[from + 3]!
          red += rgba[from]! * opacity
          green += rgba[from + 1]! * opacity
          blue += rgba[from + 2]! * opacity
          alpha += opacity
        }
      }
      const whole = 255 * SAMPLES * SAMPLES
      const rest = 1 - alpha / whole
      const to = (y * size + x) * 3
      canvas[to] = red / whole + canvas[to]! * rest
      canvas[to + 1] = green / whole + canvas[to + 1]! * rest
      canvas[to + 2] = blue / whole + canvas[to + 2]! * rest
    }
}
