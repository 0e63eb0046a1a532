import { ConfigError } from '../errors.js'

/** Devices by their usual names; which of them work depends on the platform and the installed runtime. */
export const DEVICES = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const
export type Device = (typeof DEVICES)[number]

/** The runtime's providers for a device. A GPU falls to the CPU for operators it lacks, never as a whole. */
export function executionProviders(device: Device): string[] {
  if (!DEVICES.includes(device))
    throw new ConfigError(`unknown device '${device}'; expected one of ${DEVICES.join(', ')}`)
  return device === 'cpu' ? ['cpu'] : [device, 'cpu']
}
