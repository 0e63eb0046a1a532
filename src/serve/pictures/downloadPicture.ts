import { lookup as resolveName } from 'node:dns/promises'
import { type IncomingMessage, type RequestOptions, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { ImageError } from '../../errors.js'
import { isPublicAddress } from './publicAddress.js'

export interface DownloadOptions {
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** The IP addresses of a name; default the system's. */
  readonly resolve?: (name: string) => Promise<readonly Address[]>
  /** Default: those of the public internet. */
  readonly isAllowed?: (address: string) => boolean
}

interface Address {
  readonly address: string
  readonly family: number
}

const MAX_REDIRECTS = 3
const REDIRECTS: readonly (number | undefined)[] = [301, 302, 303, 307, 308]

/**
 * The bytes that an http(s) address gives, for a client who may not be trusted: it must not reach through this server
 * into the server's network. A name is resolved once, every address it has must be public, and the connection goes to
 * these addresses, so a name that resolves differently the next time (DNS rebinding) gains nothing. Each redirect is
 * checked in the same way. Neither cookies nor other headers are sent along.
 *
 * @throws ImageError when the address is not allowed or does not give a file of the allowed size. The message does not
 * say what the server found in its network.
 */
export async function downloadPicture(address: string, options: DownloadOptions): Promise<Uint8Array> {
  let url = parse(address)
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await open(url, options)
    const { location } = response.headers
    if (!REDIRECTS.includes(response.statusCode) || location === undefined) return read(url, response, options)
    response.destroy()
    url = parse(location, url)
  }
  throw new ImageError(`${address} was redirected more than ${MAX_REDIRECTS} times`)
}

function parse(address: string, base?: URL): URL {
  const url = URL.canParse(address, base?.href) ? new URL(address, base) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw new ImageError(`expected the http or https address of a picture, got ${address.slice(0, 100)}`)
  if (url.username !== '' || url.password !== '')
    throw new ImageError('the address of a picture must not hold a user name or a password')
  return url
}

async function open(url: URL, options: DownloadOptions): Promise<IncomingMessage> {
  const addresses = await allowedAddresses(url, options)
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const settings: RequestOptions = {
    // A connection of its own: a pooled one may lead to an address that was not checked.
    agent: false,
    lookup: pinned(addresses),
    headers: { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'blip2' },
    signal: options.signal,
  }
  return new Promise((resolve, reject) => {
    const request = send(url, settings, resolve)
    request.on('error', (cause) => reject(options.signal.aborted ? options.signal.reason : unreachable(url, cause)))
    request.end()
  })
}

async function allowedAddresses(url: URL, options: DownloadOptions): Promise<readonly Address[]> {
  const { resolve = (name) => resolveName(name, { all: true }), isAllowed = isPublicAddress } = options
  // The brackets of an IPv6 address belong to the URL.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  const addresses =
    family === 0 ? await resolve(host).catch((cause) => fail(unreachable(url, cause))) : [{ address: host, family }]
  if (addresses.length === 0 || !addresses.every(({ address }) => isAllowed(address)))
    throw new ImageError(`${url.host} is not an address of the public internet, so this server does not open it`)
  return addresses
}

/** What node:net asks instead of the name's server: the addresses that were checked. */
const pinned =
  (addresses: readonly Address[]): LookupFunction =>
  (_, { all }, callback) => {
    if (all) callback(null, [...addresses])
    else callback(null, addresses[0]!.address, addresses[0]!.family)
  }

async function read(url: URL, response: IncomingMessage, { maxBytes, signal }: DownloadOptions): Promise<Uint8Array> {
  const { statusCode = 0 } = response
  if (statusCode < 200 || statusCode > 299) {
    response.destroy()
    throw new ImageError(`${url.host} answered ${statusCode} instead of a picture`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    // Leaving the loop closes the connection.
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new ImageError(`the picture at ${url.host} is larger than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
  } catch (cause) {
    if (cause instanceof ImageError) throw cause
    throw signal.aborted ? signal.reason : unreachable(url, cause)
  }
  return Buffer.concat(chunks)
}

const unreachable = (url: URL, cause: unknown) => new ImageError(`${url.host} could not be reached`, { cause })

function fail(error: Error): never {
  throw error
}
