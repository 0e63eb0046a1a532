import { parameterCount } from '../../models/architectureSpecs.js'
import type { ModelConfig, ModelPart, NewPart } from '../../weights/modelDirectory.js'

/**
 * The first form of a model card: what the files hold and how they came about. Results are added after evaluation.
 * data: 'emoji' or a folder, whose path is not told.
 */
export function modelCard(
  config: ModelConfig,
  parts: Readonly<Partial<Record<ModelPart, NewPart>>>,
  { training, data }: { readonly training: Readonly<Record<string, unknown>>; readonly data: string },
): string {
  const rows = Object.entries(parts).map(([part, weights]) => `| ${part} | ${countOf(weights)} |`)
  return `# A BLIP-2 of ${config.qformer.queries} queries, trained by blip2

| part | parameters |
|---|---|
${rows.join('\n')}

Last training, resolved:

\`\`\`json
${JSON.stringify(training, null, 2)}
\`\`\`

${KNOWLEDGE[data === 'emoji' ? 'emoji' : 'folder']}
`
}

const KNOWLEDGE = {
  emoji: 'It knows drawings in the manner of emoji and their names, and nothing of photographs.',
  folder: 'It knows pictures and captions like those of the folder that it was trained on, and nothing else.',
}

function countOf(part: NewPart): string {
  if ('onnx' in part) return 'an ONNX file'
  return parameterCount('source' in part ? part.wanted : part).toLocaleString('en')
}
