import { cleanCaption } from '../text/captionCleaning.js'
import type { EvaluationPicture, EvaluationSet } from './evaluationSet.js'

/** A text that pictures are named by and searched for. */
export interface Candidate {
  /** As the caption cleaner leaves it. */
  readonly text: string
  /** The pictures it is right for. */
  readonly pictures: ReadonlySet<EvaluationPicture>
}

/**
 * The texts of pictures. Where names are shared, as among the drawings of a thing, those that read the same are one; of
 * captions by people each is one, right for its picture alone (the protocol of COCO and Flickr30K).
 */
export function retrievalCandidates(
  { captionsApart = false }: Pick<EvaluationSet, 'captionsApart'>,
  pictures: readonly EvaluationPicture[],
): Candidate[] {
  if (captionsApart)
    return pictures.flatMap((picture) =>
      picture.captions.map((caption) => ({ text: cleanCaption(caption), pictures: new Set([picture]) })),
    )
  const owners = new Map<string, Set<EvaluationPicture>>()
  for (const picture of pictures)
    for (const caption of picture.captions) {
      const text = cleanCaption(caption)
      owners.set(text, (owners.get(text) ?? new Set()).add(picture))
    }
  return [...owners].map(([text, own]) => ({ text, pictures: own }))
}
