import assert from 'node:assert/strict'
import { DisposedError, ShapeError } from '../../../../src/errors.js'
import { exchangeRows } from '../../../../src/train/comm/exchangeRows.js'
import { openCommunicator } from '../../../../src/train/comm/openCommunicator.js'
import { threadsPerRank } from '../../../../src/train/comm/threadsPerRank.js'

/** Every collective on every rank, against what it must give; rank 0 says so at the end. */
const communicator = await openCommunicator()
const { rank, size } = communicator

// More than one chunk, and not a whole number of them.
const long = new Float32Array((1 << 21) + 3).fill(rank + 1)
const queued = [communicator.allReduceSum(long), communicator.barrier()]
let ticks = 0
const timer = setInterval(() => ticks++, 1)
await Promise.all(queued)
assert.ok(long.every((value) => value === (size * (size + 1)) / 2))

assert.deepEqual(await communicator.allGather(Int32Array.of(rank, -rank)), Int32Array.of(0, 0, 1, -1))
assert.deepEqual(await communicator.allGather(Float32Array.of(rank + 0.5)), Float32Array.of(0.5, 1.5))

const news = Float32Array.of(rank, rank)
await communicator.broadcast(news, 1)
assert.deepEqual(news, Float32Array.of(1, 1))
await assert.rejects(communicator.broadcast(news, 2), ShapeError)

// Rank r sends 1 element to itself and 2 to the other.
const counts = rank === 0 ? [1, 2] : [2, 1]
const parts = await communicator.allToAll(Float32Array.of(10 * rank, 10 * rank + 1, 10 * rank + 2), counts, counts)
assert.deepEqual(parts, rank === 0 ? Float32Array.of(0, 10, 11) : Float32Array.of(1, 2, 12))
await assert.rejects(communicator.allToAll(news, [1, -1], [1, 1]), ShapeError)

const table = Float32Array.from({ length: 6 }, (_, i) => 6 * rank + i) // 3 rows of 2 on each rank
const wanted = rank === 0 ? Int32Array.of(5, 0, 5, 3) : Int32Array.of(1, 1, 2, 0)
const rows = await exchangeRows(communicator, table, 2, wanted)
assert.deepEqual(rows, Float32Array.from([...wanted].flatMap((row) => [2 * row, 2 * row + 1])))
await assert.rejects(exchangeRows(communicator, table, 2, Int32Array.of(6)), ShapeError)

const threads = await threadsPerRank(communicator)
const slowest = Float32Array.of(rank)
if (rank === 1) await new Promise((resolve) => setTimeout(resolve, 100))
const before = ticks
await communicator.allReduceSum(slowest)
clearInterval(timer)
if (rank === 0) assert.ok(ticks - before > 10, `timers went on while rank 0 waited: ${ticks - before} ticks`)

await communicator.dispose()
await communicator.dispose()
await assert.rejects(communicator.barrier(), DisposedError)
if (rank === 0) process.stdout.write(`all ${size} ranks agree, ${threads} threads each\n`)
