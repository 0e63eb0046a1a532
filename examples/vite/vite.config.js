import { defineConfig } from 'vite'

// WebAssembly has threads only in a page that is cross-origin isolated: your own server sends these two headers too.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  // The model of the package, as /emoji. Yours would lie in public/.
  publicDir: 'node_modules/blip2/models',
  // The development server would move the package away from its worker.
  optimizeDeps: { exclude: ['blip2'] },
  server: { headers },
  preview: { headers },
})
