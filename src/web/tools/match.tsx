import { useEffect, useState } from 'preact/hooks'
import { ask, type Match, type ServerInfo } from '../api/client.js'
import { Empty, Meter, Outcome, Problem, RunButton } from '../parts/controls.js'
import { useWork } from '../parts/useWork.js'
import type { Picture } from '../picture/picture.js'

/** Compares the picture with texts, by both scores. */
export function MatchTool(props: { readonly picture: Picture | undefined; readonly limits: ServerInfo['limits'] }) {
  const { picture, limits } = props
  const [written, setWritten] = useState('a cat\na red apple\na house')
  const [matches, setMatches] = useState<readonly Match[]>()
  const work = useWork()
  useEffect(() => {
    work.stop()
    setMatches(undefined)
  }, [picture])

  const texts = [...new Set(written.split('\n').map((line) => line.trim()))].filter((line) => line !== '')
  const tooMany = texts.length > limits.texts
  const submit = (event: Event) => {
    event.preventDefault()
    if (!picture) return
    work.start(async (signal) => {
      const found = await ask<{ matches: Match[] }>('/v1/match', { image: picture.dataUrl, texts }, signal)
      setMatches(found.matches.sort((a, b) => b.itm - a.itm || b.itc - a.itc))
    })
  }
  return (
    <form class="card" onSubmit={submit}>
      <h2>Match</h2>
      <label class="field">
        <span class="field-label">Texts, one on each line</span>
        <textarea rows={5} value={written} onInput={(event) => setWritten(event.currentTarget.value)} />
        {tooMany && <span class="hint">At most {limits.texts} texts at a time.</span>}
      </label>
      <div class="row">
        <RunButton work={work} disabled={!picture || texts.length === 0 || tooMany}>
          Compare
        </RunButton>
      </div>
      <Problem message={work.error} />
      <Outcome busy={work.busy} found={matches}>
        {matches ? (
          <MatchTable matches={matches} />
        ) : (
          <Empty>{picture ? 'The scores appear here.' : 'Choose a picture first.'}</Empty>
        )}
      </Outcome>
    </form>
  )
}

function MatchTable({ matches }: { readonly matches: readonly Match[] }) {
  return (
    <>
      <table class="scores">
        <thead>
          <tr>
            <th scope="col">Text</th>
            <th scope="col">Match (ITM)</th>
            <th scope="col">Similarity (ITC)</th>
          </tr>
        </thead>
        <tbody>
          {matches.map(({ text, itm, itc }) => (
            <tr key={text}>
              <th scope="row">{text}</th>
              <td>
                <Meter value={itm} label={`${(100 * itm).toFixed(1)} %`} />
              </td>
              <td>
                <Meter value={itc} label={itc.toFixed(3)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hint">
        ITM: probability that picture and text belong together, from reading both at once. ITC: cosine of their vectors.
      </p>
    </>
  )
}
