/** The gender a CLDR label names: "farmer" (no gender), "woman farmer", "man farmer". */
export const GENDERS = ['person', 'woman', 'man'] as const
export type Gender = (typeof GENDERS)[number]

/** A drawing of one person as three independent choices; the hold-out asks for unseen combinations of them. */
export interface Composition {
  /** The label without the gender: "farmer", "red hair", "swimming". */
  role: string
  /** Position of the role in CLDR order, which the hold-out rule counts with. */
  roleIndex: number
  gender: Gender
  /** 0 without a skin tone, then 1 light to 5 dark. */
  tone: number
}

export type CompositionHoldOut = 'val-composition' | 'test-composition'

/**
 * Finds the roles that CLDR names regularly, from "man X" and "woman X" (with or without a "person X" or "X").
 * There are 72, in 1,260 combinations of role, gender and tone. Left out are groups of people, whose tones come in
 * pairs, and the "facing right" twins, whose hold-out would be the mirror image of a training picture.
 *
 * @param labels the labels of base emoji in CLDR order
 * @returns the role and gender of each label that has them
 */
export function composedRoles(labels: readonly string[]): Map<string, Omit<Composition, 'tone'>> {
  const known = new Set(labels)
  const roles = new Map<string, Omit<Composition, 'tone'>>()
  let roleIndex = 0
  for (const label of labels) {
    const suffix = /^(?:man|woman)([ :].*)$/.exec(label)?.[1]
    if (suffix === undefined || suffix.includes('facing right')) continue
    if (roles.has(label) || !known.has(`man${suffix}`) || !known.has(`woman${suffix}`)) continue
    const role = suffix.replace(/^:? /, '')
    const labelOf = {
      person: known.has(`person${suffix}`) ? `person${suffix}` : role,
      woman: `woman${suffix}`,
      man: `man${suffix}`,
    }
    for (const gender of GENDERS) {
      if (known.has(labelOf[gender])) roles.set(labelOf[gender], { role, roleIndex, gender })
    }
    roleIndex++
  }
  return roles
}

/**
 * A Latin-square hold-out: one combination in six is a test, one in six of the even roles is a validation, and every
 * pair (role and gender, role and tone, gender and tone) stays in training.
 */
export function compositionHoldOut(composition: Composition): CompositionHoldOut | null {
  const { role, roleIndex, gender, tone } = composition
  // Zombies have no tones: holding one out would take the pair (zombie, woman) out of training.
  if (role === 'zombie') return null
  const cell = (roleIndex + 2 * GENDERS.indexOf(gender) + tone) % 6
  if (cell === 0) return 'test-composition'
  return cell === 3 && roleIndex % 2 === 0 ? 'val-composition' : null
}
