import { RuntimeError } from '../../errors.js'
import { basename, dirname } from './paths.js'

/**
 * What stands for `node:fs/promises` in the browser's bundle: the files of opened models, by address, to be read only.
 * They are Blobs, which the browser keeps on disk, so reading a tensor reads its bytes alone.
 */
const files = new Map<string, Blob>()

/** Makes a file readable under its address. */
export function addFile(path: string, content: Blob): void {
  files.set(path, content)
}

/** Forgets a file; a handle that is open keeps its content. */
export function removeFile(path: string): void {
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
  const file = find(path)
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
  const file = find(path)
  return encoding === 'utf8' ? file.text() : new Uint8Array(await file.arrayBuffer())
}

export const stat = async (path: string) => statsOf(find(path))

export const access = async (path: string): Promise<void> => {
  find(path)
}

export const readdir = async (path: string): Promise<string[]> =>
  [...files.keys()].filter((file) => dirname(file) === path).map(basename)

export const mkdir = readOnly
export const rename = readOnly
export const rm = readOnly
export const writeFile = readOnly

const statsOf = (file: Blob) => ({ size: file.size, isFile: () => true, isDirectory: () => false })

function find(path: string): Blob {
  const file = files.get(path)
  // As Node's: callers tell a file that is not there by its code.
  if (!file) throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' })
  return file
}

async function readOnly(): Promise<never> {
  throw new RuntimeError('a browser has no files to write; run this in Node')
}
