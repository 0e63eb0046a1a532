import { useEffect, useState } from 'preact/hooks'
import { Icon } from './icons.js'

type Theme = 'light' | 'dark'

const KEY = 'blip2-theme'
const DARK = '(prefers-color-scheme: dark)'

/** The system's theme, until the button chooses one, which is kept. */
export function useTheme(): [Theme, toggle: () => void] {
  const [chosen, choose] = useState(() => localStorage.getItem(KEY) as Theme | null)
  const [system, setSystem] = useState<Theme>(matchMedia(DARK).matches ? 'dark' : 'light')
  useEffect(() => {
    const query = matchMedia(DARK)
    const follow = () => setSystem(query.matches ? 'dark' : 'light')
    query.addEventListener('change', follow)
    return () => query.removeEventListener('change', follow)
  }, [])
  const theme = chosen ?? system
  document.documentElement.dataset['theme'] = theme
  const toggle = () => {
    const other = theme === 'dark' ? 'light' : 'dark'
    localStorage.setItem(KEY, other)
    choose(other)
  }
  return [theme, toggle]
}

export function ThemeButton({ theme, onToggle }: { readonly theme: Theme; readonly onToggle: () => void }) {
  const other = theme === 'dark' ? 'light' : 'dark'
  return (
    <button
      type="button"
      class="button quiet icon-only at-end"
      onClick={onToggle}
      aria-label={`Use the ${other} theme`}
    >
      <Icon name={theme === 'dark' ? 'sun' : 'moon'} />
    </button>
  )
}
