import { useState } from 'preact/hooks'

/** Asks for the token of a server that wants one. */
export function TokenForm({ onToken }: { readonly onToken: (token: string) => void }) {
  const [token, setToken] = useState('')
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
          type="password"
          autocomplete="off"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <span class="hint">What the server was started with, as BLIP2_TOKEN. It is kept until this tab is closed.</span>
      </label>
      <button type="submit" class="button primary" disabled={token.trim() === ''}>
        Open
      </button>
    </form>
  )
}
