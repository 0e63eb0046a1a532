/** Wave lengths rise from half the picture to many times its side. */
const SHORTEST_WAVES = 2
const WAVE_RATIO = 0.9

/**
 * Sines and cosines of column and row, a quarter of the width each, for a class token (zeros) and side x side patches.
 * -> [1 + side * side, width], each value in -amplitude..amplitude
 */
export function placeCodes(side: number, width: number, amplitude: number): Float32Array {
  const waves = Math.floor(width / 4)
  const codes = new Float32Array((1 + side * side) * width)
  for (let patch = 0; patch < side * side; patch++) {
    const row = codes.subarray((1 + patch) * width, (2 + patch) * width)
    const places = [patch % side, Math.floor(patch / side)]
    places.forEach((place, axis) => {
      for (let wave = 0; wave < waves; wave++) {
        const angle = (place / side) * 2 * Math.PI * SHORTEST_WAVES * WAVE_RATIO ** wave
        row[2 * axis * waves + wave] = amplitude * Math.sin(angle)
        row[(2 * axis + 1) * waves + wave] = amplitude * Math.cos(angle)
      }
    })
  }
  return codes
}
