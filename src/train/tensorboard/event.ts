import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

export interface Event {
  /** Seconds since 1970. */
  readonly wallTime: number
  readonly step?: number
  /** The first event of a file names the format. */
  readonly fileVersion?: string
  /** Later steps of earlier files are void: the run begins, or goes on, with this one. */
  readonly starts?: boolean
  readonly scalars?: Readonly<Record<string, number>>
}

/** The version of the format in which a start makes later steps void. */
export const FILE_VERSION = 'brain.Event:2'

/** SessionLog.SessionStatus.START */
const START = 1

/** TensorFlow's message Event (tensorflow/core/util/event.proto), as far as scalars need it. */
export function encodeEvent({ wallTime, step, fileVersion, starts, scalars }: Event): Uint8Array {
  const event = new BinaryWriter()
  event.tag(1, WireType.Bit64).double(wallTime)
  if (step !== undefined) event.tag(2, WireType.Varint).int64(step)
  if (fileVersion !== undefined) event.tag(3, WireType.LengthDelimited).string(fileVersion)
  if (scalars) {
    event.tag(5, WireType.LengthDelimited).fork()
    for (const [name, value] of Object.entries(scalars)) {
      event.tag(1, WireType.LengthDelimited).fork()
      event.tag(1, WireType.LengthDelimited).string(name)
      event.tag(2, WireType.Bit32).float(value)
      event.join()
    }
    event.join()
  }
  if (starts) event.tag(7, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(START).join()
  return event.finish()
}
