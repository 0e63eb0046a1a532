/**
 * The first key that an object of `json` holds twice. `JSON.parse` keeps the last one silently, so two readers could
 * see different tensors under one name.
 * @param json Text that JSON.parse accepts.
 */
export function findDuplicateKey(json: string): string | undefined {
  // One entry per open bracket: the keys seen so far for '{', nothing for '['.
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < json.length; at++) {
    const character = json[at]
    if (character === '{') open.push(new Set())
    else if (character === '[') open.push(undefined)
    else if (character === '}' || character === ']') open.pop()
    else if (character === '"') {
      const end = stringEnd(json, at)
      const keys = open.at(-1)
      if (keys !== undefined && isKey(json, end)) {
        const key = JSON.parse(json.slice(at, end)) as string
        if (keys.has(key)) return key
        keys.add(key)
      }
      at = end - 1
    }
  }
  return undefined
}

/** Index after the closing quote of the string that opens at `start`. */
function stringEnd(json: string, start: number): number {
  let at = start + 1
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1
  return at + 1
}

/** Whether a colon follows, as after every key and after no value. */
function isKey(json: string, end: number): boolean {
  let at = end
  while (' \t\r\n'.includes(json[at] ?? ':')) at++
  return json[at] === ':'
}
