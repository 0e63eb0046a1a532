import { WeightsError } from '../../errors.js'

/** What a pickle may do beside making plain values. */
export interface PickleHost {
  /** The value of a global name; throws for one that is not allowed. */
  readonly global: (module: string, name: string) => unknown
  /** The object that lies outside of the pickle. */
  readonly persistent: (id: unknown) => unknown
}

/** A global that the pickle may call. Any other value that it tries to call is refused. */
export class PickleFunction {
  readonly name: string
  readonly call: (args: readonly unknown[]) => unknown

  constructor(name: string, call: (args: readonly unknown[]) => unknown) {
    this.name = name
    this.call = call
  }
}

/**
 * Reads the pickles that torch.save writes (protocol 2, and what protocols 3 and 4 say otherwise for the same values).
 * Nothing runs but what `host` allows; a WeightsError for every other opcode, and for bytes that are no pickle.
 *
 * Dictionaries become Maps, lists and tuples arrays, None null; integers beyond 2^53 become bigints.
 * @param where The file, for messages.
 */
export function readPickle(bytes: Uint8Array, host: PickleHost, where: string): unknown {
  const machine = new Machine(new ByteReader(bytes, where), host, where)
  return machine.run()
}

const MARK = Symbol('mark')

class Machine {
  readonly #bytes: ByteReader
  readonly #host: PickleHost
  readonly #where: string
  readonly #stack: unknown[] = []
  readonly #memo = new Map<number, unknown>()

  constructor(bytes: ByteReader, host: PickleHost, where: string) {
    this.#bytes = bytes
    this.#host = host
    this.#where = where
  }

  run(): unknown {
    for (;;) {
      const opcode = this.#bytes.byte()
      if (opcode === STOP) return this.#finish()
      const step = OPCODES[opcode]
      if (step === undefined)
        throw this.error(`opcode 0x${opcode.toString(16).padStart(2, '0')} is not one that a file of tensors needs`)
      step(this, this.#bytes)
    }
  }

  push(value: unknown): void {
    this.#stack.push(value)
  }

  pop(): unknown {
    const value = this.#stack.pop()
    if (value === undefined || value === MARK) throw this.error('it takes a value that is not there')
    return value
  }

  top(): unknown {
    const value = this.pop()
    this.push(value)
    return value
  }

  mark(): void {
    this.#stack.push(MARK)
  }

  /** Everything since the last mark, which goes too. */
  popToMark(): unknown[] {
    const at = this.#stack.lastIndexOf(MARK)
    if (at < 0) throw this.error('it goes back to a mark that is not there')
    const values = this.#stack.splice(at + 1)
    this.#stack.pop()
    return values
  }

  popSome(count: number): unknown[] {
    return Array.from({ length: count }, () => this.pop()).reverse()
  }

  remember(index = this.#memo.size): void {
    this.#memo.set(index, this.top())
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) throw this.error(`it recalls value ${index}, which it never kept`)
    this.push(this.#memo.get(index))
  }

  setItems(target: unknown, items: readonly unknown[]): void {
    if (!(target instanceof Map) || items.length % 2 !== 0) throw this.error('it sets items of what is no dictionary')
    for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1])
  }

  append(target: unknown, items: readonly unknown[]): void {
    if (!Array.isArray(target)) throw this.error('it appends to what is no list')
    for (const item of items) target.push(item)
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string') throw this.error('it names a global by no string')
    this.push(this.#host.global(module, name))
  }

  persistent(): void {
    this.push(this.#host.persistent(this.pop()))
  }

  reduce(): void {
    const args = this.pop()
    const callee = this.pop()
    if (!(callee instanceof PickleFunction) || !Array.isArray(args))
      throw this.error('it calls what is no allowed function')
    this.push(callee.call(args))
  }

  /** State of an object. Only dictionaries carry one here: the version numbers of a state dict's modules, not needed. */
  build(): void {
    this.pop()
    if (!(this.top() instanceof Map)) throw this.error('it sets the state of what is no dictionary')
  }

  error(problem: string): WeightsError {
    return new WeightsError(`${this.#where}: the pickle is refused at byte ${this.#bytes.position}: ${problem}`)
  }

  #finish(): unknown {
    const value = this.pop()
    if (this.#stack.length > 0) throw this.error('it ends with values left over')
    return value
  }
}

class ByteReader {
  readonly #bytes: Buffer
  readonly #where: string
  position = 0

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#where = where
  }

  byte(): number {
    return this.take(1).readUInt8(0)
  }

  uint16(): number {
    return this.take(2).readUInt16LE(0)
  }

  int32(): number {
    return this.take(4).readInt32LE(0)
  }

  uint32(): number {
    return this.take(4).readUInt32LE(0)
  }

  float64(): number {
    return this.take(8).readDoubleBE(0)
  }

  text(length: number): string {
    return this.take(length).toString('utf8')
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position)
    if (end < 0) throw this.#cutOff()
    const line = this.text(end - this.position)
    this.position = end + 1
    return line
  }

  take(length: number): Buffer {
    const end = this.position + length
    if (end > this.#bytes.length) throw this.#cutOff()
    const taken = this.#bytes.subarray(this.position, end)
    this.position = end
    return taken
  }

  #cutOff(): WeightsError {
    return new WeightsError(`${this.#where}: the pickle is cut off at byte ${this.#bytes.length}`)
  }
}

/** A little-endian integer of any length, in two's complement. */
function longInteger(bytes: Buffer): number | bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
  const signed = BigInt.asIntN(8 * bytes.length, value)
  const number = Number(signed)
  return Number.isSafeInteger(number) ? number : signed
}

const STOP = 0x2e

/** By the codes of Python's pickletools; what is missing here is refused. */
const OPCODES: Readonly<Record<number, (machine: Machine, bytes: ByteReader) => void>> = {
  // PROTO, FRAME: how the rest is cut
  128: (machine, bytes) => {
    const version = bytes.byte()
    if (version < 2 || version > 5) throw machine.error(`protocol ${version} is not known`)
  },
  149: (_, bytes) => void bytes.take(8),
  // NONE, NEWTRUE, NEWFALSE
  78: (machine) => machine.push(null),
  136: (machine) => machine.push(true),
  137: (machine) => machine.push(false),
  // BININT, BININT1, BININT2, LONG1, BINFLOAT
  74: (machine, bytes) => machine.push(bytes.int32()),
  75: (machine, bytes) => machine.push(bytes.byte()),
  77: (machine, bytes) => machine.push(bytes.uint16()),
  138: (machine, bytes) => machine.push(longInteger(bytes.take(bytes.byte()))),
  71: (machine, bytes) => machine.push(bytes.float64()),
  // BINUNICODE, SHORT_BINUNICODE
  88: (machine, bytes) => machine.push(bytes.text(bytes.uint32())),
  140: (machine, bytes) => machine.push(bytes.text(bytes.byte())),
  // MARK, EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
  40: (machine) => machine.mark(),
  41: (machine) => machine.push([]),
  133: (machine) => machine.push(machine.popSome(1)),
  134: (machine) => machine.push(machine.popSome(2)),
  135: (machine) => machine.push(machine.popSome(3)),
  116: (machine) => machine.push(machine.popToMark()),
  // EMPTY_LIST, APPEND, APPENDS
  93: (machine) => machine.push([]),
  97: (machine) => {
    const item = machine.pop()
    machine.append(machine.top(), [item])
  },
  101: (machine) => {
    const items = machine.popToMark()
    machine.append(machine.top(), items)
  },
  // EMPTY_DICT, SETITEM, SETITEMS
  125: (machine) => machine.push(new Map()),
  115: (machine) => {
    const item = machine.popSome(2)
    machine.setItems(machine.top(), item)
  },
  117: (machine) => {
    const items = machine.popToMark()
    machine.setItems(machine.top(), items)
  },
  // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
  113: (machine, bytes) => machine.remember(bytes.byte()),
  114: (machine, bytes) => machine.remember(bytes.uint32()),
  148: (machine) => machine.remember(),
  104: (machine, bytes) => machine.recall(bytes.byte()),
  106: (machine, bytes) => machine.recall(bytes.uint32()),
  // GLOBAL, STACK_GLOBAL, REDUCE, BUILD, BINPERSID
  99: (machine, bytes) => machine.global(bytes.line(), bytes.line()),
  147: (machine) => {
    const [module, name] = machine.popSome(2)
    machine.global(module, name)
  },
  82: (machine) => machine.reduce(),
  98: (machine) => machine.build(),
  81: (machine) => machine.persistent(),
}
