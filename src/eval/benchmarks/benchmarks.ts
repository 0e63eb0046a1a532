import { ConfigError } from '../../errors.js'
import { readGqa } from './gqa.js'
import type { BenchmarkPicture, BenchmarkQuestion } from './items.js'
import { readKarpathy } from './karpathy.js'
import { readNocaps } from './nocaps.js'
import { readVisualGenomeQa } from './visualGenomeQa.js'
import { readVqa, VQA_SPLITS } from './vqa.js'

/** Where a benchmark lies on the disk. */
export interface BenchmarkFiles {
  /** The file of captions, or of answers. GQA and Visual Genome have questions and answers in it. */
  readonly annotations?: string
  /** VQAv2 and OK-VQA: the file of questions. */
  readonly questions?: string
  /** The folder of the pictures. */
  readonly images: string
  /** Karpathy's splits: train, restval, val or test (default). VQA: train2014, val2014 (default) or test2015. */
  readonly split?: string
}

export type Benchmark =
  | { readonly task: 'caption' | 'retrieval'; readonly pictures: readonly BenchmarkPicture[] }
  | { readonly task: 'vqa'; readonly questions: readonly BenchmarkQuestion[] }

type Reader = (name: BenchmarkName, files: BenchmarkFiles) => Promise<Benchmark>

const KARPATHY_SPLITS = ['train', 'restval', 'val', 'test'] as const

const karpathy =
  (task: 'caption' | 'retrieval'): Reader =>
  async (name, { annotations, images, split = 'test' }) => ({
    task,
    pictures: await readKarpathy(needed(name, 'annotations', annotations), images, oneOf(name, split, KARPATHY_SPLITS)),
  })

const vqa: Reader = async (name, { annotations, questions, images, split = 'val2014' }) => ({
  task: 'vqa',
  questions: await readVqa(needed(name, 'questions', questions), annotations, images, oneOf(name, split, VQA_SPLITS)),
})

/** The benchmarks of the paper, by name: those of captioned pictures, and those of questions. */
export const PICTURE_BENCHMARKS = ['coco-caption', 'nocaps', 'coco-retrieval', 'flickr30k-retrieval'] as const
export const QUESTION_BENCHMARKS = ['vqav2', 'ok-vqa', 'gqa', 'visual-genome-qa'] as const
export const BENCHMARKS = [...PICTURE_BENCHMARKS, ...QUESTION_BENCHMARKS] as const
export type BenchmarkName = (typeof BENCHMARKS)[number]

const READERS: Readonly<Record<BenchmarkName, Reader>> = {
  'coco-caption': karpathy('caption'),
  nocaps: async (name, { annotations, images }) => ({
    task: 'caption',
    pictures: await readNocaps(needed(name, 'annotations', annotations), images),
  }),
  'coco-retrieval': karpathy('retrieval'),
  'flickr30k-retrieval': karpathy('retrieval'),
  vqav2: vqa,
  'ok-vqa': vqa,
  gqa: async (name, { annotations, images }) => ({
    task: 'vqa',
    questions: await readGqa(needed(name, 'annotations', annotations), images),
  }),
  'visual-genome-qa': async (name, { annotations, images }) => ({
    task: 'vqa',
    questions: await readVisualGenomeQa(needed(name, 'annotations', annotations), images),
  }),
}

/**
 * Opens a benchmark in the files its authors distribute.
 *
 * @throws ConfigError for an unknown name or split, or a file that is not given; DataError naming the entry of a file
 * that is wrong.
 */
export async function openBenchmark(name: string, files: BenchmarkFiles): Promise<Benchmark> {
  const known = oneOf('the table of benchmarks', name, BENCHMARKS)
  return await READERS[known](known, files)
}

function needed(name: BenchmarkName, field: 'annotations' | 'questions', file: string | undefined): string {
  if (file === undefined) throw new ConfigError(`${name} needs its file of ${field}; none was given`)
  return file
}

function oneOf<T extends string>(what: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === value)
  if (found === undefined) throw new ConfigError(`${what} has no "${value}"; expected one of ${allowed.join(', ')}`)
  return found
}
