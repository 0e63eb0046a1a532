import { useEffect, useState } from 'preact/hooks'
import { ask, type ServerInfo, type Text } from '../api/client.js'
import { streamCaption } from '../api/texts.js'
import { Empty, Outcome, Problem, RunButton, Slider } from '../parts/controls.js'
import { Icon } from '../parts/icons.js'
import { useWork } from '../parts/useWork.js'
import type { Picture } from '../picture/picture.js'

/** Describes the picture: greedily as it is written, or by beams with the next best texts, ordered by either stage. */
export function CaptionTool(props: {
  readonly picture: Picture | undefined
  readonly info: ServerInfo
  readonly onCaption: (text: string) => void
}) {
  const { picture, info, onCaption } = props
  const [beams, setBeams] = useState(5)
  const [count, setCount] = useState(3)
  const [fitting, setFitting] = useState(info.candidates > 1)
  const [prompt, setPrompt] = useState('')
  const [caption, setCaption] = useState<Text>()
  const work = useWork()
  useEffect(() => {
    work.stop()
    setCaption(undefined)
  }, [picture])

  const submit = (event: Event) => {
    event.preventDefault()
    if (!picture) return
    setCaption(undefined)
    const body = { image: picture.dataUrl, numBeams: beams, ...(prompt.trim() ? { prompt: prompt.trim() } : {}) }
    work.start(async (signal) => {
      const found =
        beams === 1
          ? await showPieces(streamCaption(body, signal), setCaption)
          : await ask<Text>(
              '/v1/caption',
              { ...body, numReturnSequences: Math.min(count, beams), candidates: fitting ? beams : 1 },
              signal,
            )
      setCaption(found)
      onCaption(found.text)
    })
  }
  return (
    <form class="card" onSubmit={submit}>
      <h2>Caption</h2>
      <div class="fields">
        <Slider
          label="Beams"
          value={beams}
          min={1}
          max={info.limits.beams}
          onChange={setBeams}
          hint={beams === 1 ? 'Greedy: shown as it is written' : 'Followed at a time'}
        />
        <Slider
          label="Captions"
          value={Math.min(count, beams)}
          min={1}
          max={Math.max(2, beams)}
          disabled={beams === 1}
          onChange={setCount}
          hint="Given back, best first"
        />
        <label class="check full">
          <input
            type="checkbox"
            checked={fitting}
            disabled={beams === 1}
            onChange={(event) => setFitting(event.currentTarget.checked)}
          />
          Best is what fits the picture, not what is likely to be said
        </label>
        <label class="field full">
          <span class="field-label">Begins with</span>
          <input
            type="text"
            value={prompt}
            placeholder="the model’s own beginning"
            onInput={(event) => setPrompt(event.currentTarget.value)}
          />
        </label>
      </div>
      <div class="row">
        <RunButton work={work} disabled={!picture}>
          Describe the picture
        </RunButton>
      </div>
      <Problem message={work.error} />
      <Outcome busy={work.busy} found={caption}>
        {caption ? <Captions caption={caption} /> : <Empty>{hint(picture, work.busy)}</Empty>}
      </Outcome>
    </form>
  )
}

const hint = (picture: Picture | undefined, busy: boolean) => {
  if (busy) return 'Looking at the picture …'
  return picture ? 'The caption appears here.' : 'Choose a picture first.'
}

async function showPieces(pieces: AsyncGenerator<string, Text>, show: (text: Text) => void): Promise<Text> {
  let text = ''
  for (;;) {
    const step = await pieces.next()
    if (step.done) return step.value
    text += step.value
    show({ text, finishReason: 'length', score: Number.NaN })
  }
}

function Captions({ caption }: { readonly caption: Text }) {
  const { text, score, match, finishReason, alternatives = [] } = caption
  return (
    <div class="captions">
      <p class="caption-text">{text || '(nothing)'}</p>
      <p class="row hint">
        {Number.isNaN(score) ? 'writing …' : `log-probability ${score.toFixed(3)}`}
        {match && ` · match ${match.itm.toFixed(3)}, cosine ${match.itc.toFixed(3)}`}
        {finishReason === 'length' && !Number.isNaN(score) && ' · cut at the most tokens'}
        {finishReason === 'filtered' && ' · withheld by the server’s filter'}
        <button type="button" class="button quiet small" onClick={() => void navigator.clipboard.writeText(text)}>
          <Icon name="copy" /> Copy
        </button>
      </p>
      {alternatives.length > 0 && (
        <ol class="alternatives" start={2} aria-label="Next best captions">
          {alternatives.map((other) => (
            <li key={other.text}>
              <span class="alternative">
                <span>{other.text}</span> <span class="hint">{other.score.toFixed(3)}</span>
              </span>
            </li>
          ))}
        </ol>
      )}
    </div>
  )
}
