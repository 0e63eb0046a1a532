import { join } from 'node:path'
import { defaultClientConditions, defineConfig, type Plugin } from 'vite'

const SOURCES = join(import.meta.dirname, 'src')
const PLATFORM = join(SOURCES, 'browser/platform')

/** What stands in the browser for what only Node has: modules by name, and files of ours by path. */
const INSTEAD = new Map([
  ['node:fs/promises', join(PLATFORM, 'files.ts')],
  ['node:path', join(PLATFORM, 'paths.ts')],
  ['node:crypto', join(PLATFORM, 'identifiers.ts')],
  ['node:worker_threads', join(PLATFORM, 'threads.ts')],
  ['onnxruntime-node', join(PLATFORM, 'onnxruntime.ts')],
  [join(SOURCES, 'image/decode.ts'), join(PLATFORM, 'decode.ts')],
  [join(SOURCES, 'weights/cacheDirectory.ts'), join(PLATFORM, 'cacheDirectory.ts')],
  [join(SOURCES, 'weights/graphWeights.ts'), join(PLATFORM, 'graphWeights.ts')],
  [join(SOURCES, 'weights/hub/resolveModel.ts'), join(PLATFORM, 'resolveModel.ts')],
])

/** The two scripts of `blip2/browser`, one build (`--mode`) for each: the page's entry, and the worker of a model. */
const ENTRIES: Readonly<Record<string, string>> = {
  index: 'src/browser/index.ts',
  worker: 'src/browser/worker/main.ts',
}

export default defineConfig(({ mode }) => ({
  plugins: [platform()],
  // The runtime's WebAssembly stays in files of its own.
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions] },
  publicDir: false,
  build: {
    outDir: 'dist/browser',
    emptyOutDir: false,
    target: 'es2022',
    lib: { entry: { [mode]: ENTRIES[mode]! }, formats: ['es'] },
    rolldownOptions: {
      // A function that files.ts does not have is one that only Node calls.
      shimMissingExports: true,
      // Modules here only define things; what is not used stays out, with the parts of Node that it would need.
      treeshake: { moduleSideEffects: false },
      // Errors carry the name of their class.
      output: { keepNames: true, entryFileNames: '[name].js', codeSplitting: false },
    },
  },
}))

function platform(): Plugin {
  return {
    name: 'blip2-platform',
    enforce: 'pre',
    async resolveId(source, importer) {
      const byName = INSTEAD.get(source)
      if (byName) return byName
      if (!source.startsWith('.') || importer === undefined || importer.startsWith(PLATFORM)) return undefined
      const resolved = await this.resolve(source, importer, { skipSelf: true })
      return resolved && (INSTEAD.get(resolved.id) ?? undefined)
    },
    renderChunk: (code) =>
      code
        // Our build must leave the worker's address alone; the builds of who uses the package must see it.
        .replace(/(new URL\(\s*)\/\* @vite-ignore \*\/\s*/, '$1')
        // onnxruntime-web asks for the folder it lies in, by a file that is not there: those builds would look for it.
        .replace(/new URL\(["']ort\.\w+\.min\.mjs["'],\s*import\.meta\.url\)/g, 'new URL(import.meta.url)'),
  }
}
