/** Part of the heat colour where a map is highest; where it is lowest the picture shows alone. */
export const HEAT_OPACITY = 0.8

/** From low to high, RGB: yellow, orange, red, dark red; ordered in lightness too, for those who see no hue. */
const HEAT = [
  [255, 237, 160],
  [254, 178, 76],
  [252, 78, 42],
  [189, 0, 38],
] as const

/** value: 0 to 1 -> RGB, not rounded */
export function heatColor(value: number): number[] {
  const at = value * (HEAT.length - 1)
  const below = Math.min(Math.floor(at), HEAT.length - 2)
  return HEAT[below]!.map((low, c) => low + (HEAT[below + 1]![c]! - low) * (at - below))
}

/** A map from its own lowest value, which becomes 0, to its highest, 1; one that is the same everywhere is 0. */
export function stretched(map: ArrayLike<number>): Float32Array {
  const values = Float32Array.from(map)
  const low = values.reduce((least, value) => Math.min(least, value))
  const range = values.reduce((most, value) => Math.max(most, value)) - low
  return values.map((value) => (range === 0 ? 0 : (value - low) / range))
}
