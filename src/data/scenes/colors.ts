/** The grounds a scene can have, as sRGB: the eleven basic colour terms of English. */
export const BACKGROUND_COLORS = {
  red: [214, 48, 49],
  orange: [243, 146, 55],
  yellow: [247, 220, 85],
  green: [76, 159, 86],
  blue: [66, 116, 208],
  purple: [132, 84, 178],
  pink: [244, 160, 192],
  brown: [124, 84, 56],
  black: [24, 24, 26],
  white: [250, 250, 250],
  gray: [148, 150, 154],
} as const satisfies Record<string, readonly [red: number, green: number, blue: number]>
export type BackgroundColor = keyof typeof BACKGROUND_COLORS
export const BACKGROUND_COLOR_NAMES = Object.keys(BACKGROUND_COLORS) as BackgroundColor[]
