const DIRECTION = /\b(left|right|leftward|rightward|clockwise|anticlockwise|counterclockwise)\b/i

/** Whether a mirrored picture would make the caption false. */
export const namesDirection = (caption: string): boolean => DIRECTION.test(caption)
