import { meanMap } from '../../tasks/attentionMaps.js'
import { HEAT_OPACITY, heatColor, stretched } from '../../tasks/heat.js'
import type { AttentionMaps } from '../api/client.js'

/** The map of one query, or their mean. -> rows * columns */
export const mapOf = ({ queries }: AttentionMaps, query: number | 'mean'): ArrayLike<number> =>
  query === 'mean' ? meanMap(queries) : queries[query]!

/** Draws a map from its own lowest value, where nothing shows, to its highest, one pixel a patch. */
export function drawHeat(canvas: HTMLCanvasElement, map: ArrayLike<number>, rows: number, columns: number): void {
  canvas.width = columns
  canvas.height = rows
  const pixels = new ImageData(columns, rows)
  stretched(map).forEach((heat, i) => {
    pixels.data.set([...heatColor(heat), 255 * HEAT_OPACITY * heat], i * 4)
  })
  canvas.getContext('2d')!.putImageData(pixels, 0, 0)
}
