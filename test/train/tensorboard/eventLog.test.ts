import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { crc32c } from '../../../src/train/tensorboard/crc32c.js'
import { encodeEvent } from '../../../src/train/tensorboard/event.js'
import { EventLog } from '../../../src/train/tensorboard/eventLog.js'
import { tfRecord } from '../../../src/train/tensorboard/tfRecord.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex')

describe('crc32c', () => {
  it('gives the values of RFC 3720, B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
    expect(crc32c(bytes('123456789'))).toBe(0xe3069283)
  })
})

describe('an event', () => {
  it('has the bytes of the protocol buffers that TensorFlow writes', () => {
    // message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; SessionLog 7 }
    expect(hex(encodeEvent({ wallTime: 1, fileVersion: 'brain.Event:2' }))).toBe(
      `09000000000000f03f1a0d${hex(bytes('brain.Event:2'))}`,
    )
    expect(hex(encodeEvent({ wallTime: 1, step: 300, scalars: { loss: 0.5 } }))).toBe(
      `09000000000000f03f10ac022a0d0a0b0a04${hex(bytes('loss'))}150000003f`,
    )
    expect(hex(encodeEvent({ wallTime: 1, step: 2, starts: true }))).toBe('09000000000000f03f10023a020801')
  })
})

/** The records of a file, each checked. */
function* records(file: Buffer): Generator<Uint8Array> {
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at))
    const data = file.subarray(at + 12, at + 12 + length)
    expect(hex(file.subarray(at, at + 16 + length))).toBe(hex(tfRecord(data)))
    yield data
    at += 16 + length
  }
}

/** Field number and raw value of everything in a message. */
function fields(data: Uint8Array): Map<number, unknown> {
  const reader = new BinaryReader(data)
  const found = new Map<number, unknown>()
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (type === WireType.Varint) found.set(field, Number(reader.int64()))
    else if (type === WireType.Bit64) found.set(field, reader.double())
    else if (type === WireType.Bit32) found.set(field, reader.float())
    else found.set(field, reader.bytes())
  }
  return found
}

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-events-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('an event log', () => {
  it('begins with the format and a start, and keeps a scalar a metric', async () => {
    const log = new EventLog(directory)
    expect(await readdir(directory)).toEqual([])
    const before = Date.now() / 1000 - 1
    await log.append(5, { loss: 2.5, lr: 0.25 })
    await log.append(6, { loss: 2.25 })
    const [name] = await readdir(directory)
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./)
    const events = [...records(await readFile(join(directory, name!)))].map(fields)
    expect(events).toHaveLength(4)
    expect(Buffer.from(events[0]!.get(3) as Uint8Array).toString()).toBe('brain.Event:2')
    expect(events[1]!.get(2)).toBe(5)
    expect(fields(events[1]!.get(7) as Uint8Array).get(1)).toBe(1)
    expect(events.slice(2).map((event) => event.get(2))).toEqual([5, 6])
    const value = fields(fields(events[3]!.get(5) as Uint8Array).get(1) as Uint8Array)
    expect(Buffer.from(value.get(1) as Uint8Array).toString()).toBe('loss')
    expect(value.get(2)).toBe(2.25)
    const times = events.map((event) => event.get(1) as number)
    expect([...times].sort((a, b) => a - b)).toEqual(times)
    expect(times[0]).toBeGreaterThan(before)
  })
})
