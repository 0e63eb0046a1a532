import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type ExperimentOptions, type ExperimentSets, writeExperimentSets } from './capfiltSets.js'
import { comparedSets, summarize } from './capfiltSummary.js'

const USAGE = `What noise in captions costs, and what CapFilt wins back.

  node .build/bench/capfiltExperiment.js FOLDER [--seed N] [--quick]   write the sets and FOLDER/run.sh
      [--icons @iconify-json/mdi,...]                                  icons with their file names are the noise
  node .build/bench/capfiltExperiment.js --summary FOLDER...           the table of one or several finished seeds
`

interface Scale extends Pick<ExperimentOptions, 'concepts'> {
  /** What the models are tested on. */
  readonly test: string
  /** Flags of both stages' trainings, of CapFilt and of the evaluations. */
  readonly stage1: string
  readonly stage2: string
  readonly capfilt: string
  readonly retrieval: string
  readonly caption: string
}

/** As the paper has it: ten candidates. About an hour a seed on two cores. */
const FULL: Scale = {
  test: 'emoji:test-style',
  stage1: '',
  stage2: '',
  capfilt: '--candidates 10',
  retrieval: '',
  caption: '',
}

/** A smaller question of the same kind, in about 15 minutes a seed on two cores. */
const QUICK: Scale = {
  concepts: 450,
  test: 'test',
  stage1: '--steps 120',
  stage2: '--steps 80',
  capfilt: '--candidates 5',
  retrieval: '--k 8 --limit 500',
  caption: '--limit 500',
}

/**
 * Writes what is compared (see writeExperimentSets) and `run.sh`, which trains a captioner and ranker on the clean tenth,
 * makes `capfilt` of `noisy`, trains on the clean tenth with each of noisy, capfilt and true, and evaluates the three. With
 * icons there is no true: the teacher, which learned from the clean tenth alone, is evaluated in its place. Run again it
 * goes on where it was stopped.
 */
async function main(folder: string, scale: Scale, { seed, icons }: ExperimentOptions): Promise<void> {
  await mkdir(folder, { recursive: true })
  const counts = await writeExperimentSets(folder, { ...scale, seed, ...(icons ? { icons } : {}) })
  const sets = comparedSets(icons === undefined)
  for (const name of sets.filter((set) => set !== 'teacher'))
    await writeFile(join(folder, `${name}.json`), JSON.stringify(mixture(name, counts), null, 2))
  await writeFile(join(folder, 'run.sh'), script(seed, sets, scale), { mode: 0o755 })
  console.log(`${counts.clean} clean and ${counts.rest} noisy drawings; now run ${join(folder, 'run.sh')}`)
}

/** The clean tenth with the rest, every picture as likely. */
const mixture = (name: string, { clean, rest }: ExperimentSets) => ({
  sources: [
    { name: 'clean', format: 'webdataset', shards: 'clean', weight: clean },
    { name, format: 'webdataset', shards: name, bestCaptions: 2, weight: rest },
  ],
})

const script = (
  seed: number,
  sets: readonly string[],
  { test, stage1, stage2, capfilt, retrieval, caption }: Scale,
): string => `#!/bin/sh
# Each part is left out where its result is there, and goes on where it was stopped.
set -e
cd "$(dirname "$0")"
BLIP2=\${BLIP2:-blip2}
PRESET="--preset emoji-quick --seed ${seed} --checkpoint-every 20 --resume"
part() { [ -e "$1" ] || { echo "$(date +%T) $1"; shift; "$@"; }; }
# A result that was cut off is none.
result() { file=$1; shift; "$@" > "$file.part" && mv "$file.part" "$file"; }
both_stages() {
  part $1-stage1/model/config.json $BLIP2 pretrain stage1 $PRESET ${stage1} --data $2 --out $1-stage1
  part $1-stage2/model/config.json $BLIP2 pretrain stage2 $PRESET ${stage2} --data $2 --stage1 $1-stage1 --out $1-stage2
}
both_stages teacher clean
part capfilt/report.html $BLIP2 capfilt --captioner teacher-stage2/model --ranker teacher-stage1/model \\
  --data noisy --out capfilt ${capfilt} --seed ${seed} --resume
for set in ${sets.join(' ')}; do
  both_stages $set $set.json
  part $set-retrieval.json result $set-retrieval.json $BLIP2 eval retrieval --model $set-stage1/model --data ${test} ${retrieval} --json
  part $set-caption.json result $set-caption.json $BLIP2 eval caption --model $set-stage2/model --data ${test} ${caption} --json
done
node ${JSON.stringify(fileURLToPath(import.meta.url))} --summary .
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    icons: { type: 'string' },
    summary: { type: 'boolean', default: false },
  },
})
const [folder] = positionals
if (folder === undefined) {
  console.error(USAGE)
  process.exitCode = 2
} else if (values.summary) console.log(await summarize(positionals))
else {
  const icons = values.icons?.split(',')
  await main(folder, values.quick ? QUICK : FULL, { seed: Number(values.seed), ...(icons ? { icons } : {}) })
}
