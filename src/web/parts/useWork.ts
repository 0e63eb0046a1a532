import { useEffect, useRef, useState } from 'preact/hooks'

export interface Work {
  readonly busy: boolean
  readonly error: string | undefined
  /** Starts work in place of what is under way; `run` gets the signal that `stop` fires. */
  readonly start: (run: (signal: AbortSignal) => Promise<void>) => void
  readonly stop: () => void
}

/** One piece of work at a time, which ends with its component, and what went wrong with it. */
export function useWork(): Work {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string>()
  const current = useRef<AbortController>(undefined)
  const stop = () => current.current?.abort()
  useEffect(() => stop, [])

  const start: Work['start'] = (run) => {
    stop()
    const controller = new AbortController()
    current.current = controller
    setBusy(true)
    setError(undefined)
    run(controller.signal)
      .catch((reason: unknown) => {
        if (!controller.signal.aborted) setError(reason instanceof Error ? reason.message : String(reason))
      })
      .finally(() => {
        if (current.current === controller) setBusy(false)
      })
  }
  return { busy, error, start, stop }
}
