const list = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/))

/** Words that keep a period after them wherever they stand, in lower case. */
export const ABBREVIATIONS = list(
  `jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri
  ala ariz calif colo conn ct dak fla ga ind kan kans ky md mich minn mo mont neb nev okla penn tenn va vt wis wisc wyo
  mr mrs ms dr drs prof profs sen sens rep reps atty attys lt col gen messrs gov govs adm rev maj sgt cpl pvt capt st
  ste ave pres lieut hon brig cmdr comdr pfc spc supt det jr sr bros esq
  inc co cos corp ltd plc dept assn univ intl tel est ext sq ph mt ft rd blvd etc al seq vs cf bldg ph.d`,
)

/** Words that keep it only with a capital: states whose short names are words as well. */
export const CAPITALISED_ABBREVIATIONS = list('Az Ark Del Ill La Mass Miss Ore Pa Tex Wash')

/** Words that keep it only before a number. */
export const NUMBER_ABBREVIATIONS = list('no nos prop fig figs pp ca op')
