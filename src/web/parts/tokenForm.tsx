import { useEffect, useRef, useState } from 'preact/hooks'
import { Problem } from './controls.js'

/** Asks for the token of a server that wants one. */
export function TokenForm(props: {
  /** Whether the token that was given is not the server's. */
  readonly refused: boolean
  readonly onToken: (token: string) => void
}) {
  const { refused, onToken } = props
  const [token, setToken] = useState('')
  const input = useRef<HTMLInputElement>(null)
  // Nothing else can be done on the page.
  useEffect(() => input.current?.focus(), [])
  const submit = (event: Event) => {
    event.preventDefault()
    onToken(token.trim())
  }
  return (
    <form class="card token" onSubmit={submit}>
      <h2>This server asks for a token</h2>
      <label class="field">
        <span class="field-label">Token</span>
        <input
          ref={input}
          type="password"
          autocomplete="off"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <span class="hint">What the server was started with, as BLIP2_TOKEN. It is kept until this tab is closed.</span>
      </label>
      <Problem message={refused ? 'The server does not know this token.' : undefined} />
      <button type="submit" class="button primary" disabled={token.trim() === ''}>
        Open
      </button>
    </form>
  )
}
