import ipaddr from 'ipaddr.js'

/** Everything that is routed on the internet in IPv6; what lies outside is local, reserved or not assigned. */
const GLOBAL_UNICAST: readonly [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3]

/**
 * Whether an IP address belongs to the public internet: not this machine, not its network, not a cloud's metadata
 * service, and no form of IPv6 that carries an IPv4 address, which may be any of these.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  return parsed instanceof ipaddr.IPv4 || parsed.match([...GLOBAL_UNICAST])
}
