import { join } from 'node:path'
import { defineConfig } from 'vite'

/** The page that `blip2 serve` shows. `vite -c vite.web.config.ts` serves it while it is written, over a running server. */
export default defineConfig({
  root: join(import.meta.dirname, 'src/web'),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { proxy: { '/v1': 'http://127.0.0.1:8080' } },
  build: {
    outDir: join(import.meta.dirname, 'dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    // The server's policy lets no script in that is not a file.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
})
