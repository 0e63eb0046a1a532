import { useEffect, useRef, useState } from 'preact/hooks'
import { ask, loadPicture, type SearchResult, type ServerInfo } from '../api/client.js'
import { Empty, Problem, RunButton } from '../parts/controls.js'
import { Icon } from '../parts/icons.js'
import { useWork } from '../parts/useWork.js'
import { type Picture, readPicture } from '../picture/picture.js'

/** Results of a search of the index. */
const MOST = 24

/**
 * Finds pictures by words, in the server's index where it has one or among files that are chosen here; and the pictures
 * of the index that are like the one on the page.
 */
export function SearchTool(props: { readonly info: ServerInfo; readonly picture: Picture | undefined }) {
  const { limits, index } = props.info
  const [words, setWords] = useState('')
  const [own, setOwn] = useState<readonly Picture[]>([])
  const [results, setResults] = useState<Results>()
  const [problem, setProblem] = useState<string>()
  const input = useRef<HTMLInputElement>(null)
  const work = useWork()
  const inIndex = index !== null && own.length === 0

  const choose = async (files: FileList | null) => {
    const all = [...(files ?? [])]
    const read = await Promise.allSettled(all.slice(0, limits.batch).map((file) => readPicture(file, file.name)))
    const failed = read.filter((one) => one.status === 'rejected').map((one) => (one.reason as Error).message)
    if (all.length > limits.batch)
      failed.push(`Only the first ${limits.batch} were taken; the server looks at no more.`)
    setProblem(failed.length > 0 ? failed.join(' ') : undefined)
    setOwn(read.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])))
    setResults(undefined)
  }
  const search = (body: object, heading: string) =>
    work.start(async (signal) => {
      const found = await ask<{ results: SearchResult[] }>('/v1/search', body, signal)
      setResults({ heading, found: found.results.map((result) => ({ result, picture: own[result.index ?? -1] })) })
    })
  const searchLike = ({ dataUrl, name }: Picture) =>
    search({ image: dataUrl, top: MOST }, `Like ${name}, most similar first`)
  const submit = (event: Event) => {
    event.preventDefault()
    const text = words.trim()
    search(
      inIndex ? { text, top: MOST } : { text, images: own.map(({ dataUrl }) => dataUrl) },
      `“${text}”, best first: probability of a match (ITM) · similarity (ITC)`,
    )
  }
  return (
    <form class="card" onSubmit={submit}>
      <h2>Search</h2>
      <p class="lead">
        {inIndex
          ? `${index.pictures.toLocaleString('en')} pictures are indexed on this server.`
          : `Pictures are ranked by how well your words fit them${own.length > 0 ? `: ${own.length} chosen` : ''}.`}
      </p>
      <input
        ref={input}
        type="file"
        accept="image/*"
        multiple
        hidden
        aria-label="Picture files to search"
        onChange={(event) => void choose(event.currentTarget.files)}
      />
      <div class="ask-row">
        <label class="field">
          <span class="visually-hidden">Words</span>
          <input
            type="search"
            value={words}
            placeholder="a red apple"
            onInput={(event) => setWords(event.currentTarget.value)}
          />
        </label>
        <RunButton work={work} disabled={words.trim() === '' || (!inIndex && own.length === 0)}>
          Search
        </RunButton>
      </div>
      <div class="row">
        <button type="button" class="button" onClick={() => input.current?.click()}>
          <Icon name="picture" /> {own.length > 0 ? 'Other pictures' : 'Search your own pictures'}
        </button>
        {inIndex && props.picture && (
          <button type="button" class="button" onClick={() => searchLike(props.picture!)}>
            Pictures like {props.picture.name}
          </button>
        )}
        {own.length > 0 && (
          <button type="button" class="button quiet" onClick={() => void choose(null)}>
            <Icon name="close" /> Remove them
          </button>
        )}
      </div>
      <Problem message={work.error ?? problem} />
      <div aria-live="polite" aria-busy={work.busy}>
        {results ? <ResultList {...results} /> : own.length > 0 && <Thumbnails pictures={own} />}
        {!results && own.length === 0 && (
          <Empty>
            {index ? 'The pictures that fit appear here.' : 'Choose some pictures, then say what you look for.'}
          </Empty>
        )}
      </div>
    </form>
  )
}

interface Results {
  /** What was looked for, and what the numbers are. */
  readonly heading: string
  readonly found: readonly Found[]
}

interface Found {
  readonly result: SearchResult
  /** Undefined for a picture of the index. */
  readonly picture: Picture | undefined
}

function Thumbnails({ pictures }: { readonly pictures: readonly Picture[] }) {
  return (
    <ul class="thumbnails" aria-label="Chosen pictures">
      {pictures.map(({ name, dataUrl }) => (
        <li key={name}>
          <img src={dataUrl} alt={name} />
        </li>
      ))}
    </ul>
  )
}

function ResultList({ heading, found }: Results) {
  if (found.length === 0) return <Empty>Nothing was found.</Empty>
  return (
    <>
      <p class="results-heading">{heading}</p>
      <ol class="thumbnails results" aria-label="Results, best first">
        {found.map(({ result: { path, picture: address, itm, itc, similarity }, picture }) => (
          <li key={path ?? picture?.name}>
            {picture && <img src={picture.dataUrl} alt={picture.name} />}
            {path !== undefined && <IndexedPicture address={address} path={path} />}
            <p class="hint">
              {itm !== undefined && `${(100 * itm).toFixed(0)} % · `}
              {(itc ?? similarity)?.toFixed(3)}
            </p>
          </li>
        ))}
      </ol>
    </>
  )
}

/** A picture of the index; its path where the file cannot be shown. The token goes along, which `src` cannot send. */
function IndexedPicture({ address, path }: { readonly address: string | undefined; readonly path: string }) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    if (address === undefined) return undefined
    const controller = new AbortController()
    let made: string | undefined
    loadPicture(address, controller.signal).then(
      (blob) => {
        made = URL.createObjectURL(blob)
        setUrl(made)
      },
      () => setUrl(undefined),
    )
    return () => {
      controller.abort()
      if (made !== undefined) URL.revokeObjectURL(made)
    }
  }, [address])
  return url === undefined ? <p class="path">{path}</p> : <img src={url} alt={path} />
}
