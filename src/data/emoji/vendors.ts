import type { DataPackage } from './packages.js'

/**
 * What a vendor's drawings are for. `extra` styles are black and white: they may join the training of a vision encoder
 * but are in none of the listed splits.
 */
export type VendorRole = 'train' | 'val-style' | 'test-style' | 'extra'

/** How the files of a package name their emoji: by code point, by a chars.json beside the icons, or by icon name only. */
export type VendorFormat = 'webp-by-hexcode' | 'iconify-by-hexcode' | 'iconify-by-name'

/** One artist's or company's set of emoji drawings. The licence is that of the art, not of the npm package. */
export interface EmojiVendor extends DataPackage {
  id: VendorId
  format: VendorFormat
  role: VendorRole
  /** SPDX identifier. */
  licence: string
  /** Whose work it is and where it comes from, as the licence asks to be told. */
  attribution: string
  source: string
}

export const VENDOR_IDS = [
  'noto',
  'twemoji',
  'openmoji',
  'fluent-flat',
  'fluent-3d',
  'emojione',
  'emojione-v1',
  'noto-v1',
  'fxemoji',
  'streamline',
  'emojione-monotone',
  'fluent-high-contrast',
] as const
export type VendorId = (typeof VENDOR_IDS)[number]

/** The ten vendors of the data set and two extra styles. */
export const VENDORS: Readonly<Record<VendorId, EmojiVendor>> = {
  noto: {
    id: 'noto',
    name: '@iconify-json/noto',
    version: '1.2.9',
    format: 'iconify-by-hexcode',
    role: 'train',
    licence: 'Apache-2.0',
    attribution: 'Noto Emoji, copyright Google Inc.',
    source: 'https://github.com/googlefonts/noto-emoji',
  },
  twemoji: {
    id: 'twemoji',
    name: '@iconify-json/twemoji',
    version: '1.2.5',
    format: 'iconify-by-hexcode',
    role: 'train',
    licence: 'CC-BY-4.0',
    attribution: 'Twemoji, copyright Twitter, Inc. and other contributors',
    source: 'https://github.com/jdecked/twemoji',
  },
  openmoji: {
    id: 'openmoji',
    name: '@iconify-json/openmoji',
    version: '1.2.29',
    format: 'iconify-by-hexcode',
    role: 'train',
    licence: 'CC-BY-SA-4.0',
    attribution: 'OpenMoji, the open-source emoji and icon project (HfG Schwäbisch Gmünd)',
    source: 'https://github.com/hfg-gmuend/openmoji',
  },
  'fluent-flat': {
    id: 'fluent-flat',
    name: '@iconify-json/fluent-emoji-flat',
    version: '1.2.6',
    format: 'iconify-by-hexcode',
    role: 'train',
    licence: 'MIT',
    attribution: 'Fluent Emoji (flat), copyright Microsoft Corporation',
    source: 'https://github.com/microsoft/fluentui-emoji',
  },
  'fluent-3d': {
    id: 'fluent-3d',
    name: '@lobehub/fluent-emoji-3d',
    version: '1.1.0',
    format: 'webp-by-hexcode',
    role: 'train',
    licence: 'MIT',
    attribution: 'Fluent Emoji (3D), copyright Microsoft Corporation',
    source: 'https://github.com/microsoft/fluentui-emoji',
  },
  emojione: {
    id: 'emojione',
    name: '@iconify-json/emojione',
    version: '1.2.3',
    format: 'iconify-by-name',
    role: 'train',
    licence: 'CC-BY-4.0',
    attribution: 'Emoji One 2.3 (colored), by Emoji One and EmojiTwo',
    source: 'https://github.com/EmojiTwo/emojitwo',
  },
  'emojione-v1': {
    id: 'emojione-v1',
    name: '@iconify-json/emojione-v1',
    version: '1.2.3',
    format: 'iconify-by-name',
    role: 'val-style',
    licence: 'CC-BY-SA-4.0',
    attribution: 'Emoji One v1, by Emoji One',
    source: 'https://github.com/joypixels/emojione-legacy',
  },
  'noto-v1': {
    id: 'noto-v1',
    name: '@iconify-json/noto-v1',
    version: '1.2.5',
    format: 'iconify-by-name',
    role: 'test-style',
    licence: 'Apache-2.0',
    attribution: 'Noto Emoji v1 (blobs), copyright Google Inc.',
    source: 'https://github.com/googlefonts/noto-emoji',
  },
  fxemoji: {
    id: 'fxemoji',
    name: '@iconify-json/fxemoji',
    version: '1.2.2',
    format: 'iconify-by-name',
    role: 'test-style',
    licence: 'Apache-2.0',
    attribution: 'Firefox OS Emoji, copyright Mozilla Foundation',
    source: 'https://github.com/mozilla/fxemoji',
  },
  streamline: {
    id: 'streamline',
    name: '@iconify-json/streamline-emojis',
    version: '1.2.4',
    format: 'iconify-by-name',
    role: 'test-style',
    licence: 'CC-BY-4.0',
    attribution: 'Streamline Emojis, by Streamline',
    source: 'https://github.com/webalys-hq/streamline-vectors',
  },
  'emojione-monotone': {
    id: 'emojione-monotone',
    name: '@iconify-json/emojione-monotone',
    version: '1.2.1',
    format: 'iconify-by-name',
    role: 'extra',
    licence: 'CC-BY-4.0',
    attribution: 'Emoji One 2.2.7 (monotone), by Emoji One and EmojiTwo',
    source: 'https://github.com/EmojiTwo/emojitwo',
  },
  'fluent-high-contrast': {
    id: 'fluent-high-contrast',
    name: '@iconify-json/fluent-emoji-high-contrast',
    version: '1.2.6',
    format: 'iconify-by-hexcode',
    role: 'extra',
    licence: 'MIT',
    attribution: 'Fluent Emoji (high contrast), copyright Microsoft Corporation',
    source: 'https://github.com/microsoft/fluentui-emoji',
  },
}

/** The ten vendors whose pictures make the splits. */
export const MAIN_VENDORS: readonly VendorId[] = VENDOR_IDS.filter((id) => VENDORS[id].role !== 'extra')
