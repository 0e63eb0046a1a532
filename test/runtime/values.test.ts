import { describe, expect, it } from 'vitest'
import { ConfigError, DtypeError, ShapeError } from '../../src/errors.js'
import { executionProviders } from '../../src/runtime/devices.js'
import { type Device, float32, int64, value, zeros } from '../../src/runtime/index.js'

describe('values', () => {
  it('share the array they are made from', () => {
    const data = Float32Array.of(1, 2, 3, 4)
    expect(float32([2, 2], data).data).toBe(data)
  })

  it('of int64 come from ordinary numbers too', () => {
    expect([...int64([3], [1, -100, 2]).data]).toEqual([1n, -100n, 2n])
    const data = BigInt64Array.of(5n)
    expect(int64([1], data).data).toBe(data)
  })

  it('are zero at first, in the array of their element type', () => {
    expect(zeros('bool', [2, 3]).data).toEqual(new Uint8Array(6))
    expect(zeros('float16', []).data).toEqual(new Uint16Array(1))
  })

  it('refuse another length or kind of array', () => {
    expect(() => float32([2, 2], new Float32Array(3))).toThrow(ShapeError)
    expect(() => float32([2, 2], new Float32Array(3))).toThrow(/shape \[2, 2\] needs 4 values, got 3/)
    const bytes = new Uint8Array(4) as never
    expect(() => value('int64', [4], bytes)).toThrow(DtypeError)
    expect(() => value('int64', [4], bytes)).toThrow(/a int64 tensor needs a BigInt64Array, got Uint8Array/)
  })
})

describe('devices', () => {
  it('fall back to the CPU for what they lack', () => {
    expect(executionProviders('cpu')).toEqual(['cpu'])
    expect(executionProviders('cuda')).toEqual(['cuda', 'cpu'])
  })

  it('that are unknown are refused with the list', () => {
    expect(() => executionProviders('gpu' as Device)).toThrow(ConfigError)
    expect(() => executionProviders('gpu' as Device)).toThrow(/unknown device 'gpu'; expected one of cpu, cuda/)
  })
})
