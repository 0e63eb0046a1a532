import type { AttentionMaps } from '../api/client.js'

/** From low to high: yellow, orange, red, dark red; ordered in lightness too. */
const HEAT = [
  [255, 237, 160],
  [254, 178, 76],
  [252, 78, 42],
  [189, 0, 38],
] as const
const OPACITY = 0.82

/** The map of one query, or their mean. -> rows * columns */
export function mapOf({ queries }: AttentionMaps, query: number | 'mean'): readonly number[] {
  if (query !== 'mean') return queries[query]!
  return queries[0]!.map((_, i) => queries.reduce((sum, map) => sum + map[i]!, 0) / queries.length)
}

/** Draws a map from its own lowest value, where nothing shows, to its highest, one pixel a patch. */
export function drawHeat(canvas: HTMLCanvasElement, map: readonly number[], rows: number, columns: number): void {
  const low = Math.min(...map)
  const range = Math.max(...map) - low || 1
  canvas.width = columns
  canvas.height = rows
  const pixels = new ImageData(columns, rows)
  map.forEach((value, i) => {
    const heat = (value - low) / range
    pixels.data.set([...heatColor(heat), Math.round(255 * OPACITY * heat)], i * 4)
  })
  canvas.getContext('2d')!.putImageData(pixels, 0, 0)
}

function heatColor(value: number): number[] {
  const at = value * (HEAT.length - 1)
  const below = Math.min(Math.floor(at), HEAT.length - 2)
  return HEAT[below]!.map((low, c) => Math.round(low + (HEAT[below + 1]![c]! - low) * (at - below)))
}
