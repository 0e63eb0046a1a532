/** How long the trainings of the experiments are. */
export interface ExperimentSize {
  readonly name: 'standard' | 'quick'
  /** Steps of stage 1 and of stage 2, of the preset emoji-quick. */
  readonly stage1: number
  readonly stage2: number
  /** Of fine-tuning for answers. */
  readonly vqa: number
  /** Of the weaker image encoder. */
  readonly vision: number
  /** Of the smaller and the larger language model. */
  readonly language: number
  /** Seeds, and pictures or questions of an evaluation, where no other number is asked for. */
  readonly seeds: number
  readonly limit: number
}

/** About two hours on 2 cores with three seeds, and what the page shows in about 25 minutes with one. */
export const EXPERIMENT_SIZES = {
  standard: {
    name: 'standard',
    stage1: 160,
    stage2: 120,
    vqa: 120,
    vision: 250,
    language: 400,
    seeds: 3,
    limit: 300,
  },
  quick: { name: 'quick', stage1: 100, stage2: 80, vqa: 50, vision: 120, language: 150, seeds: 1, limit: 150 },
} as const satisfies Record<string, ExperimentSize>
