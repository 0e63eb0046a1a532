/** A picture that the tools work on. */
export interface Picture {
  readonly name: string
  /** What is sent, and shown. */
  readonly dataUrl: string
  readonly width: number
  readonly height: number
}

/** The model reads a few hundred pixels; a larger side is only transfer. */
const LARGEST_SIDE = 1600
/** A file below this is sent as it is. */
const SENT_AS_IS = 2 * 2 ** 20
const SENDABLE = ['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif']
const QUALITY = 0.92

/** Reads a file; a large one, or one of a format of this browser alone, becomes a JPEG. @throws Error for no picture */
export async function readPicture(file: Blob, name: string): Promise<Picture> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${name} cannot be opened as a picture.`)
  })
  try {
    const { width, height } = bitmap
    const asIs = file.size <= SENT_AS_IS && SENDABLE.includes(file.type)
    return { name, dataUrl: asIs ? await dataUrlOf(file) : toJpeg(bitmap), width, height }
  } finally {
    bitmap.close()
  }
}

export function toJpeg(source: CanvasImageSource & { readonly width: number; readonly height: number }): string {
  const scale = Math.min(1, LARGEST_SIDE / Math.max(source.width, source.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(source.width * scale))
  canvas.height = Math.max(1, Math.round(source.height * scale))
  const context = canvas.getContext('2d')!
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(source, 0, 0, canvas.width, canvas.height)
  return canvas.toDataURL('image/jpeg', QUALITY)
}

function dataUrlOf(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result as string)
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(file)
  })
}
