import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { tryFileLock, withFileLock } from '../../src/weights/fileLock.js'
import { thisProcess } from '../../src/weights/lockOwner.js'
import { replaceFile } from '../../src/weights/replaceFile.js'
import { withTemporaryDirectory } from './temporary.js'

const path = withTemporaryDirectory()
const deadProcess = () => spawnSync(process.execPath, ['--version']).pid

/** A lock that a process made and did not remove. */
async function leave(name: string, owner: object, minutesAgo = 0): Promise<string> {
  const lock = path(name)
  await writeFile(lock, `${JSON.stringify(owner)}\n`)
  const touched = new Date(Date.now() - 60_000 * minutesAgo)
  await utimes(lock, touched, touched)
  return lock
}

describe('a file lock', () => {
  it('is held by one at a time, and gone afterwards', async () => {
    const lock = path('one')
    {
      await using held = await tryFileLock(lock)
      expect(held).toBeDefined()
      expect(await tryFileLock(lock)).toBeUndefined()
    }
    expect(existsSync(lock)).toBe(false)
  })

  it('of a process that was killed on this machine is taken at once', async () => {
    const lock = await leave('killed', { ...(await thisProcess()), pid: deadProcess() })
    await using held = await tryFileLock(lock)
    expect(held).toBeDefined()
  })

  it.runIf(process.platform === 'linux')('knows a process from another that has its number now', async () => {
    const lock = await leave('reused', { ...(await thisProcess()), started: '1' })
    await using held = await tryFileLock(lock)
    expect(held).toBeDefined()
  })

  it('of another machine, or of a thread that ended, is taken when its heart has stopped for a while', async () => {
    const elsewhere = { pid: deadProcess(), host: 'another' }
    expect(await tryFileLock(await leave('beating', elsewhere))).toBeUndefined()
    for (const owner of [elsewhere, await thisProcess()]) {
      await using held = await tryFileLock(await leave('stopped', owner, 2))
      expect(held).toBeDefined()
    }
  })

  it('that was left is taken over by one of many', async () => {
    const lock = await leave('many', { ...(await thisProcess()), pid: deadProcess() })
    let inside = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++inside)
      await delay(1)
      inside--
    }
    await Promise.all(Array.from({ length: 20 }, () => withFileLock(lock, work, { pollMs: 1 })))
    expect(most).toBe(1)
    expect((await readdir(path('.'))).filter((name) => name.startsWith('many'))).toEqual([])
  })

  it("is left alone where it is another's by now", async () => {
    const lock = path('lost')
    const held = await tryFileLock(lock)
    await writeFile(lock, 'of another\n')
    await held![Symbol.asyncDispose]()
    expect(await readFile(lock, 'utf8')).toBe('of another\n')
  })
})

describe('replaceFile', () => {
  it('gives the whole of one content where several write at a time', async () => {
    const file = path('replaced')
    const letters = [...'abcdefgh']
    const write = (letter: string) =>
      replaceFile(file, async (handle) => {
        for (let i = 0; i < 20; i++) await handle.writeFile(letter)
      })
    await Promise.all(letters.map(write))
    expect(letters.map((letter) => letter.repeat(20))).toContain(await readFile(file, 'utf8'))
    expect((await readdir(path('.'))).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})
