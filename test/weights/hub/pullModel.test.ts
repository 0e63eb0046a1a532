import { lstat, mkdir, readdir, readFile, realpath, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConfigError, ModelNotFoundError, WeightsError } from '../../../src/errors.js'
import { synthesize } from '../../../src/synth/synthesize.js'
import { Blip2 } from '../../../src/tasks/blip2.js'
import { hubSettings } from '../../../src/weights/hub/hubSettings.js'
import { type DownloadProgress, pullModel } from '../../../src/weights/hub/pullModel.js'
import { resolveModel } from '../../../src/weights/hub/resolveModel.js'
import { SHIPPED_MODEL } from '../../../src/weights/shippedModel.js'
import { transfer } from '../../../src/weights/hub/transfer.js'
import { runCommand } from '../../cli/runCommand.js'
import { withTemporaryDirectory } from '../temporary.js'
import { COMMIT, type HubServer, startHubServer } from './hubServer.js'

const ID = 'someone/tiny-blip2'
const WEIGHTS = 'model.safetensors'
const path = withTemporaryDirectory()
const files = new Map<string, Uint8Array>()
let hub: HubServer
let cacheNumber = 0
let cacheDirectory: string
const pull = (options: Parameters<typeof pullModel>[1] = {}) =>
  pullModel(ID, {
    ...options,
    settings: { endpoint: hub.endpoint, cacheDirectory, offline: false, ...options.settings },
  })
const repository = () => join(cacheDirectory, 'models--someone--tiny-blip2')

beforeAll(async () => {
  await synthesize('tiny-opt', path('model'))
  for (const name of await readdir(path('model'))) files.set(name, await readFile(join(path('model'), name)))
  files.set('pytorch_model.bin', new Uint8Array(5000))
  files.set('onnx/model.onnx', new Uint8Array(5000))
  hub = await startHubServer(ID, files)
})
afterAll(() => hub[Symbol.asyncDispose]())
beforeEach(() => {
  cacheDirectory = path(`cache-${cacheNumber++}`)
  hub.requests.length = 0
  hub.faults.clear()
  hub.requiredToken = undefined
  hub.commit = COMMIT
})

describe('pullModel', () => {
  it("fills Hugging Face's cache: blobs by hash, a snapshot of links, the commit of the branch", async () => {
    const seen: DownloadProgress[] = []
    const pulled = await pull({ onProgress: (progress) => seen.push(progress) })
    expect(pulled.directory).toBe(join(repository(), 'snapshots', COMMIT))
    expect(pulled.files).toContain(WEIGHTS)
    expect(pulled.files).not.toContain('pytorch_model.bin')
    expect(pulled.files).not.toContain('onnx/model.onnx')
    expect(await readFile(join(repository(), 'refs/main'), 'utf8')).toBe(COMMIT)
    for (const name of pulled.files) {
      const file = join(pulled.directory, name)
      expect((await lstat(file)).isSymbolicLink()).toBe(true)
      expect(dirname(await realpath(file))).toBe(await realpath(join(repository(), 'blobs')))
      expect((await readFile(file)).equals(files.get(name)!)).toBe(true)
    }
    const { done, total } = seen.at(-1)!
    expect(done).toBe(total)
    expect(total).toBe(pulled.fetched)
    expect(hub.requests.at(-1)).toBe('config.json all')
  })

  it('opens as a model, mapped or in memory', async () => {
    const { directory } = await pull()
    const picture = new URL('../../../assets/demo/noto-v1-octopus.png', import.meta.url)
    const captions = []
    for (const weights of ['memory', 'mapped'] as const) {
      await using model = await Blip2.fromPretrained(directory, { weights, cacheDir: path('converted') })
      captions.push((await model.caption(picture, { maxNewTokens: 4 })).text)
    }
    expect(captions[0]).toBe(captions[1])
  })

  it('fetches nothing twice, and only what a new commit changed', async () => {
    await pull()
    hub.requests.length = 0
    expect(await pull()).toMatchObject({ fetched: 0 })
    expect(hub.requests).toEqual([])
    hub.commit = 'd'.repeat(40)
    expect(await pull()).toMatchObject({ fetched: 0, commit: 'd'.repeat(40) })
    expect(await pull({ revision: COMMIT })).toMatchObject({ fetched: 0, commit: COMMIT })
  })

  it('goes on where a connection was cut, in the same run and in the next', async () => {
    hub.faults.set(WEIGHTS, [
      { kind: 'cut', after: 1000 },
      { kind: 'status', status: 503 },
      { kind: 'cut', after: 500 },
    ])
    const { directory } = await pull()
    expect((await readFile(join(directory, WEIGHTS))).equals(files.get(WEIGHTS)!)).toBe(true)
    expect(hub.requests.filter((request) => request.startsWith(WEIGHTS))).toEqual([
      `${WEIGHTS} all`,
      `${WEIGHTS} bytes=1000-`,
      `${WEIGHTS} bytes=1000-`,
      `${WEIGHTS} bytes=1500-`,
    ])
  })

  it('keeps what an interrupted run fetched', async () => {
    const controller = new AbortController()
    hub.faults.set(WEIGHTS, [{ kind: 'stall', after: 2000 }])
    const onProgress = ({ file, done }: DownloadProgress) => {
      if (file === WEIGHTS && done >= 2000) controller.abort()
    }
    await expect(pull({ signal: controller.signal, onProgress })).rejects.toThrow(/abort/)
    hub.requests.length = 0
    await pull()
    expect(hub.requests).toContain(`${WEIGHTS} bytes=2000-`)
  })

  it('begins again where the server knows no ranges', async () => {
    hub.faults.set(WEIGHTS, [{ kind: 'cut', after: 1000 }, { kind: 'no-range' }])
    const { directory } = await pull()
    expect((await readFile(join(directory, WEIGHTS))).equals(files.get(WEIGHTS)!)).toBe(true)
  })

  it('fetches once what two ask for at the same time, and passes by the lock of a process that died', async () => {
    const [one] = await Promise.all([pull(), pull()])
    expect(hub.requests.filter((request) => request.startsWith(WEIGHTS))).toEqual([`${WEIGHTS} all`])
    const blobs = join(repository(), 'blobs')
    expect((await readdir(blobs)).filter((name) => name.endsWith('.lock'))).toEqual([])
    const blob = await realpath(join(one.directory, WEIGHTS))
    await rm(blob)
    await writeFile(`${blob}.lock`, '1\n')
    const longAgo = new Date(Date.now() - 120_000)
    await utimes(`${blob}.lock`, longAgo, longAgo)
    await pull()
    expect((await readFile(blob)).equals(files.get(WEIGHTS)!)).toBe(true)
  })

  it('waits for the lock of another, until it is told to stop', async () => {
    const { directory } = await pull()
    const blob = await realpath(join(directory, WEIGHTS))
    await rm(blob)
    await writeFile(`${blob}.lock`, '1\n')
    await expect(pull({ signal: AbortSignal.timeout(100) })).rejects.toThrow(/abort|timeout/i)
    expect(hub.requests.filter((request) => request.startsWith(WEIGHTS))).toHaveLength(1)
  })

  it.each([WEIGHTS, 'config.json'])('throws the wrong content of %s away', async (name) => {
    hub.faults.set(name, [{ kind: 'wrong' }])
    const failed = pull()
    await expect(failed).rejects.toThrow(WeightsError)
    await expect(failed).rejects.toThrow(/not what the hub announced: expected \d+ bytes/)
    expect((await readdir(join(repository(), 'blobs'))).filter((blob) => blob.endsWith('.incomplete'))).toEqual([])
    await expect(pull({ settings: { offline: true } })).rejects.toThrow(ModelNotFoundError)
    await pull()
  })

  it('gives up a server that keeps failing, in words', async () => {
    const file = { name: WEIGHTS, bytes: 10, hash: { kind: 'git', hex: '0'.repeat(40) } } as const
    const refused = transfer(`${hub.endpoint}/${ID}/resolve/${COMMIT}/nothing`, file, path('nothing'))
    await expect(refused).rejects.toThrow(/answered 404/)
  })

  it('stays offline when told to', async () => {
    await expect(pull({ settings: { offline: true } })).rejects.toThrow(/run "blip2 pull someone\/tiny-blip2" once/)
    await pull()
    hub.requests.length = 0
    const settings = { offline: true, endpoint: 'http://127.0.0.1:9' }
    expect(await pull({ settings })).toMatchObject({ fetched: 0, commit: COMMIT })
  })

  it.each([
    ['config.json alone', ['config.json']],
    ['no tokenizer', ['config.json', WEIGHTS]],
    ['one of two shards', ['config.json', 'tokenizer.json', WEIGHTS, 'model.safetensors.index.json']],
  ])('fetches the rest where another tool left %s', async (_, kept) => {
    const { directory } = await pull()
    for (const name of await readdir(directory)) if (!kept.includes(name)) await rm(join(directory, name))
    const weight_map = { a: WEIGHTS, b: 'model-2.safetensors' }
    if (kept.length === 4) await writeFile(join(directory, kept[3]!), JSON.stringify({ weight_map }))
    await expect(pull({ settings: { offline: true } })).rejects.toThrow(/is not in .* as a whole/)
    await pull({ revision: COMMIT })
    expect(await readdir(directory)).toEqual(expect.arrayContaining(['tokenizer.json', WEIGHTS]))
  })

  it('needs no tokenizer of an image encoder', async () => {
    const { directory } = await pull()
    for (const name of await readdir(directory)) if (name !== WEIGHTS) await rm(join(directory, name))
    await writeFile(join(directory, 'config.json'), '{"model_type": "vit"}')
    expect(await pull({ settings: { offline: true } })).toMatchObject({ directory })
  })

  it('leaves links that are right as they are, and takes a file in the place of a link', async () => {
    const { directory } = await pull()
    const [link, moved] = [join(directory, 'config.json'), join(directory, WEIGHTS)]
    const { ino } = await lstat(link)
    // As on a system without links.
    await rename(await realpath(moved), moved)
    const blobs = await readdir(join(repository(), 'blobs'))
    expect(await pull()).toMatchObject({ fetched: 0 })
    expect((await lstat(link)).ino).toBe(ino)
    expect((await lstat(moved)).isFile()).toBe(true)
    expect(await readdir(join(repository(), 'blobs'))).toEqual(blobs)
  })

  it('sends the token, and says what to do without', async () => {
    hub.requiredToken = 'hf_secret'
    await expect(pull()).rejects.toThrow(/set HF_TOKEN/)
    await pull({ settings: { token: 'hf_secret' } })
    expect(hub.tokens).toContain('hf_secret')
  })

  it('refuses names that are none, and says what is not there', async () => {
    await expect(pullModel('tiny')).rejects.toThrow(ConfigError)
    await expect(pullModel('a/../b')).rejects.toThrow(ConfigError)
    await expect(pull({ revision: '../../etc' })).rejects.toThrow(ConfigError)
    await expect(pull({ revision: 'v9' })).rejects.toThrow(/tiny-blip2 at v9 does not exist/)
    const unreachable = { endpoint: 'http://127.0.0.1:9', cacheDirectory, offline: false }
    await expect(pullModel(ID, { settings: unreachable })).rejects.toThrow(/cannot be reached/)
  })
})

describe('resolveModel', () => {
  it('takes a directory as it is, and an id from the hub', async () => {
    const settings = { endpoint: hub.endpoint, cacheDirectory, offline: false }
    expect(await resolveModel(path('model'), { settings })).toBe(path('model'))
    expect(await resolveModel('/no/such/model', { settings })).toBe('/no/such/model')
    expect(await resolveModel(ID, { settings })).toBe(join(repository(), 'snapshots', COMMIT))
  })

  it("knows the package's model by its name, wherever a program runs", async () => {
    const here = process.cwd()
    process.chdir(path('model'))
    try {
      expect(await resolveModel('models/emoji')).toBe(SHIPPED_MODEL)
    } finally {
      process.chdir(here)
    }
  })
})

describe('hubSettings', () => {
  it("follows the environment of Hugging Face's tools", async () => {
    await mkdir(path('home'))
    await writeFile(path('home/token'), 'hf_saved\n')
    expect(await hubSettings({ HF_HOME: path('home') })).toEqual({
      endpoint: 'https://huggingface.co',
      cacheDirectory: path('home/hub'),
      token: 'hf_saved',
      offline: false,
    })
    const all = { HF_ENDPOINT: 'https://mirror/', HF_HUB_CACHE: '/c', HF_TOKEN: 'hf_x', HF_HUB_OFFLINE: '1' }
    expect(await hubSettings(all)).toEqual({
      endpoint: 'https://mirror',
      cacheDirectory: '/c',
      token: 'hf_x',
      offline: true,
    })
    expect((await hubSettings({ XDG_CACHE_HOME: '/x' })).cacheDirectory).toBe('/x/huggingface/hub')
  })
})

describe('blip2 pull', () => {
  const useHub = (endpoint: string) => {
    vi.stubEnv('HF_ENDPOINT', endpoint)
    vi.stubEnv('HF_HUB_OFFLINE', '')
  }
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it('prints the directory', async () => {
    useHub(hub.endpoint)
    const { code, out, err } = await runCommand(['pull', ID, '--cache', cacheDirectory])
    expect({ code, out, err }).toEqual({ code: 0, out: `${join(repository(), 'snapshots', COMMIT)}\n`, err: '' })
    const json = await runCommand(['pull', ID, '--cache', cacheDirectory, '--json'])
    expect(JSON.parse(json.out)).toMatchObject({ commit: COMMIT, fetched: 0 })
    expect(await runCommand(['pull', 'no-id'])).toMatchObject({ code: 2 })
    expect(await runCommand(['pull', 'no/model', '--cache', cacheDirectory])).toMatchObject({ code: 1 })
  })

  it('says in one line that there is no network, and ends with 1', async () => {
    useHub('http://127.0.0.1:9')
    const { code, out, err } = await runCommand(['pull', ID, '--cache', cacheDirectory])
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^blip2: http:\/\/127\.0\.0\.1:9 cannot be reached to look for someone\/tiny-blip2; [^\n]*\n$/)
  })
})
