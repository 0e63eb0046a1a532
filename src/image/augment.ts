import { type Affine, createAffineSampler, type Rgb, type RgbaPicture, type SamplerOptions } from './affineSampler.js'
import { colorMatrix } from './colorMatrix.js'

/** Uniform numbers in [0, 1). Seed it: a view depends on nothing else. */
export type RandomSource = () => number

/** How far training views may differ from the drawing. Each field has a default meant for drawings of one thing. */
export interface AugmentOptions extends SamplerOptions {
  /** Part of the picture's area that a view shows; above 1 there is ground around it. Default [0.5, 1.2]. */
  area?: readonly [number, number]
  /** Width over height of the shown part. Default [0.8, 1.25]. */
  aspect?: readonly [number, number]
  /** Probability of mirroring a picture that may be mirrored. Default 0.5. */
  flip?: number
  /** Largest turn either way, in degrees. Default 12. */
  rotation?: number
  /** Largest shift beyond the crop, as a part of the side. Default 0.04. */
  translation?: number
  /** Probability of a white ground; otherwise it has a random colour. Default 0.4. */
  whiteGround?: number
  /** Range of each channel of a random ground. Default [0.35, 1]: dark outlines stay visible. */
  groundRange?: readonly [number, number]
  /** Largest relative change, either way. Defaults 0.2, 0.2 and 0.3. */
  brightness?: number
  contrast?: number
  saturation?: number
  /** Largest turn of the hue, as a part of the circle. Default 0.02: names tell colours apart. */
  hue?: number
  /** Probability of a grey view. Default 0. */
  grayscale?: number
  /** Probability of a negative, for black and white styles. Default 0. */
  invert?: number
}

/** Writes a random view of the picture into `out` from `offset`: 3 x size x size floats. */
export type Augmenter = (
  picture: RgbaPicture,
  mayFlip: boolean,
  random: RandomSource,
  out: Float32Array,
  offset?: number,
) => void

/** Makes an augmenter: crop, mirror, turn, ground and colour jitter in one bilinear pass. One per thread. */
export function createAugmenter(options: AugmentOptions): Augmenter {
  const settings = { ...DEFAULTS, ...options }
  const sampler = createAffineSampler(options)
  return (picture, mayFlip, random, out, offset = 0) => {
    const affine = randomAffine(settings, mayFlip, random)
    const ground = randomGround(settings, random)
    const colors = colorMatrix({
      brightness: around(1, settings.brightness, random),
      contrast: around(1, settings.contrast, random),
      saturation: random() < settings.grayscale ? 0 : around(1, settings.saturation, random),
      hue: around(0, 2 * Math.PI * settings.hue, random),
      invert: random() < settings.invert,
    })
    sampler(picture, { affine, ground, colors }, out, offset)
  }
}

/** Makes a function that writes the view for evaluation: the whole picture, upright on white. */
export function createEvaluationView(
  options: SamplerOptions,
): (picture: RgbaPicture, out: Float32Array, offset?: number) => void {
  const sampler = createAffineSampler(options)
  return (picture, out, offset = 0) => sampler(picture, { affine: IDENTITY, ground: WHITE }, out, offset)
}

const WHITE: Rgb = [1, 1, 1]
const IDENTITY: Affine = { a: 1, b: 0, c: 0, d: 0, e: 1, f: 0 }

const DEFAULTS = {
  area: [0.5, 1.2],
  aspect: [0.8, 1.25],
  flip: 0.5,
  rotation: 12,
  translation: 0.04,
  whiteGround: 0.4,
  groundRange: [0.35, 1],
  brightness: 0.2,
  contrast: 0.2,
  saturation: 0.3,
  hue: 0.02,
  grayscale: 0,
  invert: 0,
} as const satisfies Omit<Required<AugmentOptions>, keyof SamplerOptions>

type Settings = { [Name in keyof typeof DEFAULTS]: Required<AugmentOptions>[Name] }

/** Output centre -> mirrored and stretched to the shown part -> turned -> moved to the part's place in the picture. */
function randomAffine(settings: Settings, mayFlip: boolean, random: RandomSource): Affine {
  const area = between(settings.area, random)
  const aspect = Math.exp(between([Math.log(settings.aspect[0]), Math.log(settings.aspect[1])], random))
  const width = Math.sqrt(area * aspect)
  const height = Math.sqrt(area / aspect)
  const centreX = around(0.5, Math.abs(1 - width) / 2 + settings.translation, random)
  const centreY = around(0.5, Math.abs(1 - height) / 2 + settings.translation, random)
  const angle = around(0, (settings.rotation * Math.PI) / 180, random)
  const stretchX = random() < settings.flip && mayFlip ? -width : width
  const a = Math.cos(angle) * stretchX
  const b = -Math.sin(angle) * height
  const d = Math.sin(angle) * stretchX
  const e = Math.cos(angle) * height
  return { a, b, c: centreX - (a + b) / 2, d, e, f: centreY - (d + e) / 2 }
}

function randomGround(settings: Settings, random: RandomSource): Rgb {
  if (random() < settings.whiteGround) return WHITE
  const { groundRange } = settings
  return [between(groundRange, random), between(groundRange, random), between(groundRange, random)]
}

function between([low, high]: readonly [number, number], random: RandomSource): number {
  return low + (high - low) * random()
}

function around(centre: number, spread: number, random: RandomSource): number {
  return centre + spread * (2 * random() - 1)
}
