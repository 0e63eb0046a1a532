import { DataError } from '../../errors.js'
import { type DataPackage, readPackageJson } from './packages.js'

/** An icon set in Iconify's JSON format: SVG bodies by name, and other names for them. */
export interface IconSet {
  width?: number
  height?: number
  icons: Record<string, Icon>
  aliases?: Record<string, IconAlias>
}

interface Icon {
  body: string
  left?: number
  top?: number
  width?: number
  height?: number
  hidden?: boolean
}

interface IconAlias {
  parent: string
  hFlip?: boolean
  vFlip?: boolean
  rotate?: number
  hidden?: boolean
}

export function readIconSet(dataPackage: DataPackage): IconSet {
  return readPackageJson<IconSet>(dataPackage, 'icons.json')
}

/** Icon name by hexcode, for the sets that ship it. */
export function readIconHexcodes(dataPackage: DataPackage): Record<string, string> {
  return readPackageJson<Record<string, string>>(dataPackage, 'chars.json')
}

/**
 * The SVG text of an icon, or of an alias of one, drawn into a square of `size` pixels: the view box is scaled to fit
 * and centred, and the rest stays transparent.
 *
 * @throws DataError for a name that is not in the set, and for a transformation that no emoji set uses.
 */
export function iconSvg(set: IconSet, name: string, size: number): string {
  const { icon, mirrored } = resolveIcon(set, name)
  const left = icon.left ?? 0
  const top = icon.top ?? 0
  const width = icon.width ?? set.width ?? 16
  const height = icon.height ?? set.height ?? 16
  const body = mirrored ? `<g transform="translate(${2 * left + width} 0) scale(-1 1)">${icon.body}</g>` : icon.body
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${size}" height="${size}" ` +
    `viewBox="${left} ${top} ${width} ${height}" preserveAspectRatio="xMidYMid meet">${body}</svg>`
  )
}

function resolveIcon(set: IconSet, name: string): { icon: Icon; mirrored: boolean } {
  let mirrored = false
  let current = name
  for (let depth = 0; depth < 8; depth++) {
    const icon = set.icons[current]
    if (icon !== undefined) return { icon, mirrored }
    const alias = set.aliases?.[current]
    if (alias === undefined) break
    if (alias.vFlip || alias.rotate) throw new DataError(`Icon alias "${current}" is turned, which is not supported`)
    if (alias.hFlip) mirrored = !mirrored
    current = alias.parent
  }
  throw new DataError(`Icon "${name}" leads to no drawing in its set; the package may be damaged`)
}
