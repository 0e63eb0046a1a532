/** The text before the first stop string in it; all of it where there is none. */
export function beforeStop(text: string, stop: readonly string[]): string {
  const ends = stop.map((string) => text.indexOf(string)).filter((at) => at >= 0)
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends))
}

/** How many characters at the text's end may be the beginning of a stop string. */
export function openStop(text: string, stop: readonly string[]): number {
  let longest = 0
  for (const string of stop)
    for (let length = Math.min(string.length - 1, text.length); length > longest; length--)
      if (text.endsWith(string.slice(0, length))) longest = length
  return longest
}
