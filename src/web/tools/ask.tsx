import { useEffect, useState } from 'preact/hooks'
import { streamAnswer, type Turn } from '../api/texts.js'
import { Empty, Problem, RunButton } from '../parts/controls.js'
import { Icon } from '../parts/icons.js'
import { useWork } from '../parts/useWork.js'
import type { Picture } from '../picture/picture.js'

/** A conversation about the picture; answers appear as they are written. */
export function AskTool({ picture }: { readonly picture: Picture | undefined }) {
  const [turns, setTurns] = useState<readonly Turn[]>([])
  const [question, setQuestion] = useState('')
  const work = useWork()
  useEffect(() => {
    work.stop()
    setTurns([])
  }, [picture])

  const submit = (event: Event) => {
    event.preventDefault()
    const content = question.trim()
    if (!picture || content === '') return
    const asked: readonly Turn[] = [...turns, { role: 'user', content }]
    setTurns(asked)
    setQuestion('')
    work.start(async (signal) => {
      let answer = ''
      try {
        for await (const piece of streamAnswer(picture.dataUrl, asked, signal)) {
          answer += piece
          setTurns([...asked, { role: 'assistant', content: answer }])
        }
        setTurns([...asked, { role: 'assistant', content: answer.trim() || '(no answer)' }])
      } catch (error) {
        // A question without an answer is no turn; it may be asked again.
        if (answer === '') {
          setTurns(turns)
          setQuestion(content)
        }
        throw error
      }
    })
  }
  return (
    <form class="card" onSubmit={submit}>
      <div class="card-head">
        <h2>Ask</h2>
        {turns.length > 0 && (
          <button type="button" class="button quiet small" onClick={() => setTurns([])}>
            New conversation
          </button>
        )}
      </div>
      <div class="turns" role="log" aria-label="Conversation" aria-busy={work.busy}>
        {turns.length === 0 && (
          <Empty>{picture ? 'Ask anything about the picture, then follow up.' : 'Choose a picture first.'}</Empty>
        )}
        {turns.map(({ role, content }, i) => (
          // The turns of a conversation keep their places.
          <p key={i} class={`turn ${role}`}>
            <span class="visually-hidden">{role === 'user' ? 'You: ' : 'Model: '}</span>
            {content}
          </p>
        ))}
        {work.busy && turns.at(-1)?.role === 'user' && (
          <p class="turn assistant waiting">
            <span class="dots" aria-hidden="true" />
            <span class="visually-hidden">Answering</span>
          </p>
        )}
      </div>
      <Problem message={work.error} />
      <div class="ask-row">
        <label class="field">
          <span class="visually-hidden">Question</span>
          <input
            type="text"
            value={question}
            placeholder={turns.length === 0 ? 'What is in the picture?' : 'Follow up …'}
            autocomplete="off"
            onInput={(event) => setQuestion(event.currentTarget.value)}
          />
        </label>
        <RunButton work={work} disabled={!picture || question.trim() === ''}>
          <Icon name="send" /> Ask
        </RunButton>
      </div>
    </form>
  )
}
