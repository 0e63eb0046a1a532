import { RuntimeError } from '../../errors.js'
import { basename, dirname } from './paths.js'

/**
 * What stands for `node:fs/promises` in the browser's bundle: the files of the worker's model by address, and what is
 * made for the runtime. Fetched ones are Blobs, which the browser keeps on disk: reading a tensor reads its bytes alone.
 */
const files = new Map<string, Blob | Uint8Array<ArrayBuffer>>()

/** The file as it is held. @throws as Node does, with the code ENOENT, where there is none */
export function contentOf(path: string): Blob | Uint8Array<ArrayBuffer> {
  const file = files.get(path)
  if (!file) throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' })
  return file
}

export async function writeFile(path: string, content: Blob | Uint8Array<ArrayBuffer>): Promise<void> {
  files.set(path, content)
}

export async function rm(path: string): Promise<void> {
  files.delete(path)
}

/** The parts of Node's FileHandle that weights are read with. */
export interface FileHandle {
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
  stat(): Promise<{ size: number; isFile(): boolean }>
  close(): Promise<void>
}

export async function open(path: string, flags = 'r'): Promise<FileHandle> {
  if (flags !== 'r') return readOnly()
  const file = blobOf(path)
  return {
    read: async (into, offset, length, position) => {
      const bytes = new Uint8Array(await file.slice(position, position + length).arrayBuffer())
      into.set(bytes, offset)
      return { bytesRead: bytes.length }
    },
    stat: async () => statsOf(file),
    close: async () => undefined,
  }
}

export function readFile(path: string, encoding: 'utf8'): Promise<string>
export function readFile(path: string): Promise<Uint8Array>
export async function readFile(path: string, encoding?: 'utf8'): Promise<string | Uint8Array> {
  const file = blobOf(path)
  return encoding === 'utf8' ? file.text() : new Uint8Array(await file.arrayBuffer())
}

export const stat = async (path: string) => statsOf(blobOf(path))

export const access = async (path: string): Promise<void> => {
  contentOf(path)
}

/** There are no links. */
export const realpath = async (path: string): Promise<string> => path

export const readdir = async (path: string): Promise<string[]> =>
  [...files.keys()].filter((file) => dirname(file) === path).map(basename)

export const mkdir = readOnly
export const rename = readOnly

const statsOf = (file: Blob) => ({ size: file.size, isFile: () => true, isDirectory: () => false })

function blobOf(path: string): Blob {
  const content = contentOf(path)
  return content instanceof Blob ? content : new Blob([content])
}

async function readOnly(): Promise<never> {
  throw new RuntimeError('a browser has no folders to write to; run this in Node')
}
