import { describe, expect, it } from 'vitest'
import { emojiConcepts } from '../../../src/data/emoji/concepts.js'
import { iconSvg } from '../../../src/data/emoji/iconify.js'
import { vendorDrawings } from '../../../src/data/emoji/join.js'
import { VENDORS, type VendorId } from '../../../src/data/emoji/vendors.js'

const labels = new Map(emojiConcepts().map((concept) => [concept.hexcode, concept.label]))

/** CLDR label by the vendor's own name of the drawing. */
function joined(vendor: VendorId): Map<string, string> {
  return new Map(vendorDrawings(VENDORS[vendor]).map(({ name, hexcode }) => [name, labels.get(hexcode)!]))
}

describe('vendorDrawings', () => {
  it('finds the drawings of every vendor', () => {
    const count = (vendor: VendorId) => vendorDrawings(VENDORS[vendor]).length
    expect(count('noto')).toBe(3674)
    expect(count('fluent-3d')).toBe(3119)
    expect(count('emojione')).toBe(1526)
    expect(count('noto-v1')).toBe(2099)
    expect(count('fxemoji')).toBe(862)
    expect(count('streamline')).toBe(562)
  })

  it('follows renamed emoji, also with a skin tone', () => {
    const emojione = joined('emojione')
    expect(emojione.get('hamster-face')).toBe('hamster')
    expect(emojione.get('bride-with-veil-medium-dark-skin-tone')).toBe('person with veil: medium-dark skin tone')
    expect(emojione.get('direct-hit')).toBe('bullseye')
  })

  it('does not take the plain name of a face for the whole animal', () => {
    const fxemoji = joined('fxemoji')
    expect(fxemoji.get('dog')).toBe('dog face')
    expect(fxemoji.get('dogside')).toBe('dog')
    expect(fxemoji.get('bow')).toBe('ribbon')
    expect(fxemoji.get('pout')).toBe('person pouting')
  })

  it('takes the first of several drawings, and no country for its namesake', () => {
    const streamline = joined('streamline')
    expect(streamline.get('doughnut-1')).toBe('doughnut')
    expect(streamline.has('doughnut-2')).toBe(false)
    expect(streamline.has('turkey')).toBe(false)
  })

  it('mirrors the drawings that are aliases of their mirror image', () => {
    const right = vendorDrawings(VENDORS['fluent-flat']).find(({ hexcode }) => hexcode === '1f449')
    expect(right?.name).toBe('backhand-index-pointing-right')
    expect(right?.source(80).toString()).toContain('scale(-1 1)')
  })
})

describe('iconSvg', () => {
  const set = { width: 36, height: 36, icons: { sun: { body: '<circle r="3"/>', height: 40 } }, aliases: {} }

  it('keeps the view box of the icon', () => {
    expect(iconSvg(set, 'sun', 80)).toContain('viewBox="0 0 36 40"')
  })

  it('refuses a name that leads nowhere', () => {
    expect(() => iconSvg(set, 'moon', 80)).toThrow('Icon "moon" leads to no drawing')
  })
})
