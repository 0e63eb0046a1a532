import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import { expect, it } from 'vitest'

const ASSEMBLY = fileURLToPath(new URL('../../../assembly', import.meta.url))

it('the committed kernels are the compiled sources', async () => {
  const kernels = Buffer.from(await compile()).toString('base64')
  const lines = kernels.match(/.{1,100}/g)!.map((line) => `  '${line}'`)
  await expect(
    `// Compiled from assembly/ by test/train/kernels/compiled.test.ts; see assembly/README.md.\nexport const KERNELS_BASE64: string =\n${lines.join(' +\n')}\n`,
  ).toMatchFileSnapshot('../../../src/train/kernels/kernels.generated.ts')
})

async function compile(): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined
  const stderr = asc.createMemoryStream()
  const flags = [
    '--outFile',
    'kernels.wasm',
    '--baseDir',
    ASSEMBLY,
    '--runtime',
    'stub',
    '--importMemory',
    '--enable',
    'simd',
    '-O3',
    '--noAssert',
  ]
  const { error } = await asc.main(['index.ts', ...flags], {
    stderr,
    writeFile: (_name, contents) => {
      wasm = contents as Uint8Array
    },
  })
  if (error !== null || wasm === undefined) throw new Error(`asc failed: ${error?.message}\n${stderr.toString()}`)
  return wasm
}
