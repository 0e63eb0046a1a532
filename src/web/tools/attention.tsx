import { useEffect, useState } from 'preact/hooks'
import { ask, type AttentionMaps } from '../api/client.js'
import type { Overlay } from '../app.js'
import { Empty, Problem, RunButton, Slider } from '../parts/controls.js'
import { useWork } from '../parts/useWork.js'
import type { Picture } from '../picture/picture.js'

/** Shows over the picture where the queries look: each of them, and what a word changes. */
export function AttentionTool(props: {
  readonly picture: Picture | undefined
  /** Of this picture, where there is one: its words are offered. */
  readonly caption: string | undefined
  readonly onOverlay: (overlay: Overlay | undefined) => void
}) {
  const { picture, caption, onOverlay } = props
  const [word, setWord] = useState('')
  const [maps, setMaps] = useState<AttentionMaps>()
  const [query, setQuery] = useState<number | 'mean'>('mean')
  const work = useWork()
  useEffect(() => {
    work.stop()
    setMaps(undefined)
    setQuery('mean')
  }, [picture])
  useEffect(() => onOverlay(maps && { ...maps, query }), [maps, query])

  const look = (text: string) => {
    if (!picture) return
    setWord(text)
    work.start(async (signal) => {
      const body = { image: picture.dataUrl, ...(text.trim() ? { text: text.trim() } : {}) }
      setMaps(await ask<AttentionMaps>('/v1/attention', body, signal))
    })
  }
  const submit = (event: Event) => {
    event.preventDefault()
    look(word)
  }
  const words = [...new Set(caption?.split(/\s+/).filter((part) => part.length > 1))]
  return (
    <form class="card" onSubmit={submit}>
      <h2>Attention</h2>
      <label class="field">
        <span class="field-label">With a word or a text</span>
        <input
          type="text"
          value={word}
          placeholder="without: the queries on their own"
          onInput={(event) => setWord(event.currentTarget.value)}
        />
      </label>
      {words.length > 0 && (
        <fieldset class="row chips" aria-label="Words of the caption">
          {words.map((one) => (
            <button
              type="button"
              key={one}
              class="chip"
              aria-pressed={one === word}
              onClick={() => look(one === word ? '' : one)}
            >
              {one}
            </button>
          ))}
        </fieldset>
      )}
      <div class="row">
        <RunButton work={work} disabled={!picture}>
          Show the attention
        </RunButton>
      </div>
      <Problem message={work.error} />
      <div aria-live="polite" aria-busy={work.busy}>
        {maps ? (
          <QueryChoice count={maps.queries.length} query={query} onQuery={setQuery} />
        ) : (
          <Empty>
            {picture
              ? 'A heat map appears over the picture: red where the model looks most.'
              : 'Choose a picture first.'}
          </Empty>
        )}
      </div>
    </form>
  )
}

function QueryChoice(props: {
  readonly count: number
  readonly query: number | 'mean'
  readonly onQuery: (query: number | 'mean') => void
}) {
  const { count, query, onQuery } = props
  return (
    <div class="query-choice">
      <label class="check">
        <input
          type="checkbox"
          checked={query === 'mean'}
          onChange={(event) => onQuery(event.currentTarget.checked ? 'mean' : 0)}
        />
        Mean of the {count} queries
      </label>
      {query !== 'mean' && (
        <Slider
          label="Query"
          value={query}
          min={0}
          max={count - 1}
          onChange={onQuery}
          hint="Each query of the Q-Former looks for something else"
        />
      )}
      <p class="legend hint">
        less <span class="legend-bar" aria-hidden="true" /> more
      </p>
    </div>
  )
}
