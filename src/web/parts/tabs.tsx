import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export interface Tab {
  readonly id: string
  readonly label: string
}

/** Tabs as WAI-ARIA describes them: one stop of the Tab key, arrows move between them. */
export function TabList(props: {
  readonly tabs: readonly Tab[]
  readonly active: string
  readonly onSelect: (id: string) => void
}) {
  const { tabs, active, onSelect } = props
  const list = useRef<HTMLDivElement>(null)
  // On a phone the tabs are wider than the screen.
  useEffect(() => {
    list.current?.querySelector(`#tab-${active}`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [active])
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === active)
    const targets: Readonly<Record<string, number>> = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: tabs.length - 1,
    }
    const target = targets[event.key]
    if (target === undefined) return
    event.preventDefault()
    const next = tabs[(target + tabs.length) % tabs.length]!
    onSelect(next.id)
    list.current?.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus()
  }
  return (
    <div class="tabs" role="tablist" aria-label="Tools" ref={list} onKeyDown={move}>
      {tabs.map(({ id, label }) => (
        <button
          type="button"
          key={id}
          id={`tab-${id}`}
          role="tab"
          aria-selected={id === active}
          aria-controls={`panel-${id}`}
          tabIndex={id === active ? 0 : -1}
          onClick={() => onSelect(id)}
        >
          {label}
        </button>
      ))}
    </div>
  )
}

/** A tool's place; a tool that is not shown keeps what it holds. */
export function TabPanel(props: {
  readonly id: string
  readonly active: boolean
  readonly children: ComponentChildren
}) {
  const { id, active, children } = props
  return (
    <div role="tabpanel" id={`panel-${id}`} aria-labelledby={`tab-${id}`} hidden={!active}>
      {children}
    </div>
  )
}
