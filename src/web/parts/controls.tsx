import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Work } from './useWork.js'

/** A slider with its value beside its name. */
export function Slider(props: {
  readonly label: string
  readonly value: number
  readonly min: number
  readonly max: number
  readonly step?: number
  readonly hint?: string
  readonly disabled?: boolean
  readonly onChange: (value: number) => void
}) {
  const { label, value, min, max, step = 1, hint, disabled = false, onChange } = props
  return (
    <label class="field">
      <span class="field-label">
        {label} <span class="field-value">{value}</span>
      </span>
      <input
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        disabled={disabled}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
      {hint && <span class="hint">{hint}</span>}
    </label>
  )
}

/** Starts the work, or stops it while it goes on. */
export function RunButton(props: {
  readonly work: Work
  readonly disabled?: boolean
  readonly children: ComponentChildren
}) {
  const { work, disabled = false, children } = props
  if (work.busy)
    return (
      <button type="button" class="button primary" onClick={work.stop}>
        <span class="spinner" aria-hidden="true" /> Stop
      </button>
    )
  return (
    <button type="submit" class="button primary" disabled={disabled}>
      {children}
    </button>
  )
}

export function Problem({ message }: { readonly message: string | undefined }) {
  return (
    <div role="alert" class="problem-place">
      {message && <p class="problem">{message}</p>}
    </div>
  )
}

/** Where a tool shows what it found. It comes into view as it is found: on a phone it lies below the controls. */
export function Outcome(props: {
  readonly busy: boolean
  /** Undefined before there is anything; another value each time. */
  readonly found: unknown
  readonly children: ComponentChildren
}) {
  const { busy, found, children } = props
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (found !== undefined) place.current?.scrollIntoView({ block: 'nearest' })
  }, [found])
  return (
    <div class="outcome" aria-live="polite" aria-busy={busy} ref={place}>
      {children}
    </div>
  )
}

/** What a tool shows before there is anything. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

/** A part of 1 as a bar with its number. */
export function Meter({ value, label }: { readonly value: number; readonly label: string }) {
  const part = Math.min(1, Math.max(0, value))
  return (
    <span class="meter">
      <span class="meter-track" aria-hidden="true">
        <span class="meter-bar" style={{ width: `${100 * part}%` }} />
      </span>
      <span class="meter-value">{label}</span>
    </span>
  )
}
