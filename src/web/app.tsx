import { useEffect, useState } from 'preact/hooks'
import { type ApiError, ask, type AttentionMaps, hasToken, rememberToken, type ServerInfo } from './api/client.js'
import { Problem } from './parts/controls.js'
import { type Tab, TabList, TabPanel } from './parts/tabs.js'
import { ThemeButton, useTheme } from './parts/theme.js'
import { TokenForm } from './parts/tokenForm.js'
import type { Picture } from './picture/picture.js'
import { PicturePane } from './picture/picturePane.js'
import { AskTool } from './tools/ask.js'
import { AttentionTool } from './tools/attention.js'
import { CaptionTool } from './tools/caption.js'
import { MatchTool } from './tools/match.js'
import { RunsTool } from './tools/runs.js'
import { SearchTool } from './tools/search.js'

/** What the heat map over the picture shows. */
export interface Overlay extends AttentionMaps {
  readonly query: number | 'mean'
}

const TABS: readonly Tab[] = [
  { id: 'caption', label: 'Caption' },
  { id: 'ask', label: 'Ask' },
  { id: 'match', label: 'Match' },
  { id: 'attention', label: 'Attention' },
  { id: 'search', label: 'Search' },
  { id: 'training', label: 'Training' },
]
/** The tools that do not look at the picture have the page's whole width. */
const WITHOUT_PICTURE = ['search', 'training']

export function App() {
  const [theme, toggleTheme] = useTheme()
  const [info, setInfo] = useState<ServerInfo>()
  const [problem, setProblem] = useState<ApiError>()
  const [picture, setPicture] = useState<Picture>()
  const [overlay, setOverlay] = useState<Overlay>()
  const [caption, setCaption] = useState<string>()
  const [tab, setTab] = useTab()

  const connect = () => {
    ask<ServerInfo>('/v1/info').then((found) => {
      setInfo(found)
      setProblem(undefined)
    }, setProblem)
  }
  useEffect(connect, [])
  const take = (next: Picture | undefined) => {
    setPicture(next)
    setOverlay(undefined)
    setCaption(undefined)
  }
  const enter = (token: string) => {
    rememberToken(token)
    connect()
  }

  const needsToken = problem?.status === 401

  return (
    <div class="page">
      <header class="top">
        <div class="top-row">
          <h1>
            <img src="/icon.svg" alt="" width="28" height="28" /> blip2
          </h1>
          {info && (
            <p class="model-name" title={`blip2 ${info.version}`}>
              {info.model}
            </p>
          )}
          <ThemeButton theme={theme} onToggle={toggleTheme} />
        </div>
        {!problem && <TabList tabs={TABS} active={tab} onSelect={setTab} />}
      </header>
      <main class={problem || WITHOUT_PICTURE.includes(tab) ? 'wide' : 'split'}>
        {needsToken && <TokenForm refused={hasToken()} onToken={enter} />}
        {!needsToken && <Problem message={problem?.message} />}
        {info && (
          <>
            {!WITHOUT_PICTURE.includes(tab) && (
              <PicturePane picture={picture} onPicture={take} overlay={tab === 'attention' ? overlay : undefined} />
            )}
            <section class="tool" aria-label="Tool">
              <TabPanel id="caption" active={tab === 'caption'}>
                <CaptionTool picture={picture} info={info} onCaption={setCaption} />
              </TabPanel>
              <TabPanel id="ask" active={tab === 'ask'}>
                <AskTool picture={picture} />
              </TabPanel>
              <TabPanel id="match" active={tab === 'match'}>
                <MatchTool picture={picture} limits={info.limits} />
              </TabPanel>
              <TabPanel id="attention" active={tab === 'attention'}>
                <AttentionTool picture={picture} caption={caption} onOverlay={setOverlay} />
              </TabPanel>
              <TabPanel id="search" active={tab === 'search'}>
                <SearchTool info={info} picture={picture} />
              </TabPanel>
              <TabPanel id="training" active={tab === 'training'}>
                <RunsTool shown={info.runs} active={tab === 'training'} theme={theme} />
              </TabPanel>
            </section>
          </>
        )}
      </main>
    </div>
  )
}

/** The tab of the address, so that it can be linked to and left with the back button. */
function useTab(): [string, (id: string) => void] {
  const read = () => TABS.find(({ id }) => location.hash === `#${id}`)?.id ?? TABS[0]!.id
  const [tab, setTab] = useState(read)
  useEffect(() => {
    const follow = () => setTab(read())
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return [
    tab,
    (id) => {
      location.hash = id
      setTab(id)
    },
  ]
}
