import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { estimateModel } from '../../src/estimate/estimateModel.js'
import { synthesize } from '../../src/synth/synthesize.js'
import { type HubServer, startHubServer } from '../weights/hub/hubServer.js'
import { withTemporaryDirectory } from '../weights/temporary.js'

const ID = 'someone/tiny-blip2'
const path = withTemporaryDirectory()
const files = new Map<string, Uint8Array>()
let hub: HubServer
const estimate = (settings: object = {}) =>
  estimateModel(ID, { hub: { settings: { endpoint: hub.endpoint, offline: false, ...settings } } })

beforeAll(async () => {
  await synthesize('tiny-t5', path('model'))
  for (const name of await readdir(path('model'))) files.set(name, await readFile(join(path('model'), name)))
  hub = await startHubServer(ID, files)
})
afterAll(() => hub[Symbol.asyncDispose]())

describe('the estimate of a model on the hub', () => {
  it('is that of its directory, from the configuration and the headers alone', async () => {
    expect(await estimate()).toEqual(await estimateModel(path('model')))
    const weights = hub.requests.filter((request) => request.includes('.safetensors'))
    expect(weights.length).toBeGreaterThan(0)
    for (const request of weights) expect(request).toMatch(/ bytes=\d+-\d+$/)
    expect(hub.requests.filter((request) => /tokenizer|README/.test(request))).toEqual([])
  })

  it('counts the bytes of files whose header cannot be read apart', async () => {
    const bare = new Map([...files].filter(([name]) => !name.includes('safetensors')))
    const other = await startHubServer(ID, bare.set('pytorch_model.bin', new Uint8Array(5000)))
    expect((await estimate({ endpoint: other.endpoint })).download).toBe(5000)
    await other[Symbol.asyncDispose]()
  })

  it('fails as a download does', async () => {
    await expect(estimate({ endpoint: 'http://127.0.0.1:9' })).rejects.toThrow(/cannot be reached/)
    await expect(estimateModel('a/..b', { hub: { settings: { endpoint: hub.endpoint } } })).rejects.toThrow(
      /does not exist|no model/,
    )
  })
})
