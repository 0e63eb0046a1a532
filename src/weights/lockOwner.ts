import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { z } from 'zod'

/** The process that made a lock file, so that others can tell whether it still runs. */
const ownerSchema = z.object({
  pid: z.int().positive(),
  /** Name of the machine; on Linux its boot and the container's process numbers as well. */
  host: z.string(),
  /** Linux: when the process began, in ticks since boot, as numbers of processes are used again. */
  started: z.string().optional(),
})

export type LockOwner = z.infer<typeof ownerSchema>

export async function thisProcess(): Promise<LockOwner> {
  const started = await startOf('self')
  return { pid: process.pid, host: await hostIdentity(), ...(started === undefined ? {} : { started }) }
}

/** The owner that a lock file names; undefined for a file that its owner has not written yet, or of another program. */
export function parseOwner(text: string): LockOwner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Whether a process still runs; undefined where that cannot be seen from here. */
export async function isRunning({ pid, host, started }: LockOwner): Promise<boolean | undefined> {
  if (host !== (await hostIdentity())) return undefined
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = await startOf(pid)
  return started === undefined || now === undefined ? undefined : now === started
}

async function hostIdentity(): Promise<string> {
  const boot = await ifThere(readFile('/proc/sys/kernel/random/boot_id', 'utf8'))
  const processNumbers = await ifThere(readlink('/proc/self/ns/pid'))
  return [hostname(), boot?.trim(), processNumbers].filter((part) => part !== undefined).join(' ')
}

/** Field 22 of /proc/PID/stat; the second, a name in brackets, may hold anything. */
async function startOf(pid: number | 'self'): Promise<string | undefined> {
  const stat = await ifThere(readFile(`/proc/${pid}/stat`, 'utf8'))
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

/** Systems other than Linux have no /proc. */
const ifThere = (text: Promise<string>): Promise<string | undefined> => text.catch(() => undefined)
