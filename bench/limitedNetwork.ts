import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Two network namespaces of this machine, as two hosts on one slow cable. */
export interface LimitedNetwork extends AsyncDisposable {
  /** Starts Open MPI with one rank in each, which reach each other through the cable only. */
  readonly launcher: readonly [program: string, ...flags: string[]]
}

/** A network that is not taken elsewhere: one of those for private use. */
const SUBNET = '10.77.0'
/** What a rate limiter may send at once, and how long packets may wait in it. */
const SHAPING = ['burst', '256kb', 'latency', '50ms']

/** Needs root and iproute2. Disposing it removes the namespaces. @param megabits Of the cable, a second and direction. */
export async function limitedNetwork(megabits: number): Promise<LimitedNetwork> {
  const [first, second] = ['a', 'b'].map((end) => `blip2-${process.pid}${end}`) as [string, string]
  const folder = await mkdtemp(join(tmpdir(), 'blip2-network-'))
  const remove = async () => {
    for (const name of [first, second]) await run('ip', ['netns', 'del', name])
    await rm(folder, { recursive: true })
  }
  for (const name of [first, second]) await run('ip', ['netns', 'add', name])
  try {
    await run('ip', ['link', 'add', 'end0', 'netns', first, 'type', 'veth', 'peer', 'name', 'end0', 'netns', second])
    for (const [i, name] of [first, second].entries()) {
      await run('ip', ['-n', name, 'address', 'add', `${SUBNET}.${i + 1}/24`, 'dev', 'end0'])
      for (const device of ['lo', 'end0']) await run('ip', ['-n', name, 'link', 'set', device, 'up'])
      const rate = ['root', 'tbf', 'rate', `${megabits}mbit`, ...SHAPING]
      await run('ip', ['netns', 'exec', name, 'tc', 'qdisc', 'add', 'dev', 'end0', ...rate])
    }
    // In place of ssh: the first argument is the host.
    const agent = join(folder, 'agent.sh')
    await writeFile(agent, `#!/bin/sh\nshift\nexec ip netns exec ${second} sh -c "$*"\n`, { mode: 0o755 })
    return { launcher: launcherIn(first, agent), [Symbol.asyncDispose]: remove }
  } catch (error) {
    await remove()
    throw error
  }
}

function launcherIn(namespace: string, agent: string): [string, ...string[]] {
  const settings = {
    plm_rsh_agent: agent,
    btl: 'tcp,self',
    btl_tcp_if_include: `${SUBNET}.0/24`,
    oob_tcp_if_include: `${SUBNET}.0/24`,
  }
  return [
    ...(['ip', 'netns', 'exec', namespace, 'mpirun.openmpi', '--allow-run-as-root'] as const),
    ...Object.entries(settings).flatMap(([name, value]) => ['--mca', name, value]),
    // Each host's daemon would bind its rank to the same core.
    ...['--host', `${SUBNET}.1:1,${SUBNET}.2:1`, '--bind-to', 'none'],
  ]
}
