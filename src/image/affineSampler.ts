import { ImageError } from '../errors.js'

/** A picture with transparency: RGBA bytes, straight alpha, `size * size * 4`. */
export interface RgbaPicture {
  rgba: Uint8Array
  size: number
}

/** Where an output pixel looks: source x = a * u + b * v + c, source y = d * u + e * v + f; all in parts of a side. */
export interface Affine {
  a: number
  b: number
  c: number
  d: number
  e: number
  f: number
}

/** Rows of 3 x 4: output = matrix * [red, green, blue, 1], all colours in 0..1. */
export type ColorMatrix = readonly number[]

/** Red, green and blue in 0..1. */
export type Rgb = readonly [number, number, number]

export interface SamplerOptions {
  /** Side of the output in pixels. */
  size: number
  /** Subtracted from and then divided into each channel; default 0 and 1: values stay in 0..1. */
  mean?: Rgb
  std?: Rgb
}

export interface View {
  affine: Affine
  /** Colour under transparent parts and around the picture. */
  ground: Rgb
  /** Applied after sampling and before clamping to 0..1. */
  colors?: ColorMatrix
}

/** Takes views of pictures: writes 3 x size x size floats (channel, row, column) into `out` from `offset`. */
export type AffineSampler = (picture: RgbaPicture, view: View, out: Float32Array, offset?: number) => void

/** A source step of this many pixels or less is left to bilinear interpolation; a longer one is blurred first. */
const LONGEST_SHARP_STEP = 1.3

const UNCHANGED_COLORS: ColorMatrix = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]

/**
 * Makes a sampler that turns a picture into a view in one bilinear pass. The picture is laid on its ground before
 * interpolation, so edges carry no dark fringe. The sampler keeps its working memory: one per thread, no allocation a
 * view once it has seen a picture of the size.
 */
export function createAffineSampler(options: SamplerOptions): AffineSampler {
  const { size, mean = [0, 0, 0], std = [1, 1, 1] } = options
  let canvas = new Float32Array(0)
  let blurred = new Float32Array(0)

  return (picture, view, out, offset = 0) => {
    const side = picture.size + 2
    if (picture.rgba.length !== picture.size ** 2 * 4) {
      throw new ImageError(`Expected ${picture.size ** 2 * 4} bytes of RGBA pixels, got ${picture.rgba.length}`)
    }
    if (out.length < offset + 3 * size * size) {
      throw new ImageError(`A view needs ${3 * size * size} floats from ${offset}; the output holds ${out.length}`)
    }
    if (canvas.length !== side * side * 3) {
      canvas = new Float32Array(side * side * 3)
      blurred = new Float32Array(side * side * 3)
    }
    layOnGround(picture, view.ground, canvas)
    const { a, b, d, e } = view.affine
    const step = (Math.sqrt(Math.abs(a * e - b * d)) * picture.size) / size
    if (step > LONGEST_SHARP_STEP) blur(canvas, blurred, side, step)
    sample(canvas, side, view.affine, size, out, offset)
    finishColors(out, offset, size * size, view.colors ?? UNCHANGED_COLORS, mean, std)
  }
}

/** Composites the picture over its ground into RGB floats, with a frame of ground one pixel wide. */
function layOnGround({ rgba, size }: RgbaPicture, ground: Rgb, canvas: Float32Array) {
  const side = size + 2
  const [red, green, blue] = ground
  for (let i = 0; i < canvas.length; i += 3) {
    canvas[i] = red
    canvas[i + 1] = green
    canvas[i + 2] = blue
  }
  let from = 0
  for (let y = 0; y < size; y++) {
    let to = ((y + 1) * side + 1) * 3
    for (let x = 0; x < size; x++, from += 4, to += 3) {
      const alpha = rgba[from + 3]! / 255
      if (alpha === 0) continue
      const rest = 1 - alpha
      const scale = alpha / 255
      canvas[to] = rgba[from]! * scale + red * rest
      canvas[to + 1] = rgba[from + 1]! * scale + green * rest
      canvas[to + 2] = rgba[from + 2]! * scale + blue * rest
    }
  }
}

/**
 * Low-pass filter against aliasing: the kernel [w, 1 - 2w, w] in both directions, of variance 2w, as often as it takes
 * to add the variance that a box of `step` pixels has beyond a box of one pixel, (step² - 1) / 12.
 */
function blur(canvas: Float32Array, scratch: Float32Array, side: number, step: number) {
  const variance = (step * step - 1) / 12
  const passes = Math.ceil(variance / (2 / 3))
  const w = variance / passes / 2
  scratch.set(canvas)
  for (let pass = 0; pass < passes; pass++) {
    convolve(canvas, scratch, 3, w)
    convolve(scratch, canvas, side * 3, w)
  }
}

/** Filters along the neighbours at `distance`; the outermost values, which are ground, stay. */
function convolve(from: Float32Array, to: Float32Array, distance: number, w: number) {
  const centre = 1 - 2 * w
  const end = from.length - distance
  for (let i = distance; i < end; i++) to[i] = centre * from[i]! + w * (from[i - distance]! + from[i + distance]!)
}

function sample(canvas: Float32Array, side: number, affine: Affine, size: number, out: Float32Array, offset: number) {
  const source = side - 2
  const plane = size * size
  const stride = side * 3
  // The canvas is framed, so source pixel centres are at 1, 2, ... and the frame is what lies beyond the edge.
  const highest = side - 1 - 1e-4
  const stepX = (affine.a * source) / size
  const stepY = (affine.d * source) / size
  for (let row = 0; row < size; row++) {
    const u = 0.5 / size
    const v = (row + 0.5) / size
    let x = (affine.a * u + affine.b * v + affine.c) * source + 0.5
    let y = (affine.d * u + affine.e * v + affine.f) * source + 0.5
    let to = offset + row * size
    for (let column = 0; column < size; column++, to++, x += stepX, y += stepY) {
      const clampedX = Math.min(Math.max(x, 0), highest)
      const clampedY = Math.min(Math.max(y, 0), highest)
      const left = clampedX | 0
      const top = clampedY | 0
      const right = clampedX - left
      const down = clampedY - top
      const w00 = (1 - right) * (1 - down)
      const w01 = right * (1 - down)
      const w10 = (1 - right) * down
      const w11 = right * down
      const at = top * stride + left * 3
      const below = at + stride
      out[to] = canvas[at]! * w00 + canvas[at + 3]! * w01 + canvas[below]! * w10 + canvas[below + 3]! * w11
      out[to + plane] =
        canvas[at + 1]! * w00 + canvas[at + 4]! * w01 + canvas[below + 1]! * w10 + canvas[below + 4]! * w11
      out[to + 2 * plane] =
        canvas[at + 2]! * w00 + canvas[at + 5]! * w01 + canvas[below + 2]! * w10 + canvas[below + 5]! * w11
    }
  }
}

/** Applies the colour matrix, clamps to 0..1 and normalises, in place. */
function finishColors(out: Float32Array, offset: number, plane: number, m: ColorMatrix, mean: Rgb, std: Rgb) {
  const [rr, rg, rb, r1, gr, gg, gb, g1, br, bg, bb, b1] = m as number[] & { length: 12 }
  const [meanR, meanG, meanB] = mean
  const [scaleR, scaleG, scaleB] = [1 / std[0], 1 / std[1], 1 / std[2]]
  for (let i = offset; i < offset + plane; i++) {
    const red = out[i]!
    const green = out[i + plane]!
    const blue = out[i + 2 * plane]!
    out[i] = (clamp(rr! * red + rg! * green + rb! * blue + r1!) - meanR) * scaleR
    out[i + plane] = (clamp(gr! * red + gg! * green + gb! * blue + g1!) - meanG) * scaleG
    out[i + 2 * plane] = (clamp(br! * red + bg! * green + bb! * blue + b1!) - meanB) * scaleB
  }
}

function clamp(value: number): number {
  return Math.min(Math.max(value, 0), 1)
}
