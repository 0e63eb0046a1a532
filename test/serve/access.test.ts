import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openServer } from '../../src/serve/server.js'
import { openTinyModel, type TinyModel, testApp } from './testServer.js'

let tiny: TinyModel
beforeAll(async () => {
  tiny = await openTinyModel()
})
afterAll(() => tiny.dispose())

it.each(['', ' '])('refuses the token %j, which would keep nobody out', async (token) => {
  await expect(openServer({ model: 'nowhere', version: '0', token })).rejects.toThrow(/^the token is empty/)
})

it('asks for the token, but for the page, health and description', async () => {
  const { app } = await testApp(tiny.model, { token: 'secret' })
  const status = async (path: string, authorization?: string) =>
    (await app.request(path, authorization === undefined ? {} : { headers: { authorization } })).status
  for (const path of ['/v1/models', '/v1/runs', '/metrics', '/v1/nothing']) expect(await status(path)).toBe(401)
  for (const wrong of ['secret', 'Bearer', 'Bearer secre', 'Bearer secrets', 'Basic secret'])
    expect(await status('/v1/models', wrong)).toBe(401)
  expect(await status('/v1/models', 'Bearer secret')).toBe(200)
  expect(await status('/v1/models', 'bearer secret')).toBe(200)
  expect(await status('/metrics', 'Bearer secret')).toBe(200)
  expect(await status('/healthz')).toBe(200)
  expect((await app.request('/v1/models')).headers.get('www-authenticate')).toBe('Bearer')
  expect(await (await app.request('/openapi.json')).json()).toMatchObject({ security: [{ bearer: [] }] })
})

it('answers for this machine’s names alone where only this machine reaches it', async () => {
  const { app } = await testApp(tiny.model, { hostNames: ['Proxy.test'] })
  const status = async (host: string) => (await app.request(`http://${host}/healthz`)).status
  for (const host of ['localhost:8080', '127.0.0.1:8080', '127.0.0.9', '[::1]:8080', 'proxy.test'])
    expect(await status(host)).toBe(200)
  for (const host of ['evil.test', '127.0.0.1.evil.test', 'localhost.evil.test']) expect(await status(host)).toBe(403)
})

it('lets no page of another origin in, unless told', async () => {
  const headers = { origin: 'https://app.test', 'access-control-request-method': 'POST' }
  const ask = async (options: object) =>
    (await (await testApp(tiny.model, options)).app.request('/v1/caption', { method: 'OPTIONS', headers })).headers.get(
      'access-control-allow-origin',
    )
  expect(await ask({})).toBe(null)
  expect(await ask({ corsOrigins: ['https://other.test'] })).toBe(null)
  expect(await ask({ corsOrigins: ['https://app.test'] })).toBe('https://app.test')
})

it('lets a browser ask before it sends the token', async () => {
  const { app } = await testApp(tiny.model, { corsOrigins: ['https://app.test'], token: 'secret' })
  const headers = { origin: 'https://app.test', 'access-control-request-method': 'POST' }
  expect((await app.request('/v1/caption', { method: 'OPTIONS', headers })).status).toBe(204)
})

describe('the page', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blip2-page-'))
    await mkdir(join(folder, 'site', 'assets'), { recursive: true })
    await writeFile(join(folder, 'site', 'index.html'), '<title>page</title>')
    await writeFile(join(folder, 'site', 'assets', 'a1b2.js'), 'let a')
    await writeFile(join(folder, 'site', '.env'), 'hidden')
    await writeFile(join(folder, 'secret.txt'), 'secret')
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is served with its types and a strict policy', async () => {
    const { app } = await testApp(tiny.model, { pageFolder: `${join(folder, 'site')}/` })
    const page = await app.request('/')
    expect(await page.text()).toBe('<title>page</title>')
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self'/)
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    expect(page.headers.get('cache-control')).toBe('no-cache')
    const script = await app.request('/assets/a1b2.js')
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(script.headers.get('cache-control')).toContain('immutable')
  })

  it('is all that is served', async () => {
    const { app } = await testApp(tiny.model, { pageFolder: join(folder, 'site') })
    expect((await app.request('/')).status).toBe(200)
    for (const path of ['/.env', '/../secret.txt', '/..%2fsecret.txt', '/assets/../../secret.txt', '//secret.txt'])
      expect((await app.request(path)).status).toBe(404)
  })

  it('may be missing', async () => {
    const { app } = await testApp(tiny.model, { pageFolder: join(folder, 'none') })
    expect((await app.request('/')).status).toBe(404)
  })
})
