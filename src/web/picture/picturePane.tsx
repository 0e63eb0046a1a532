import { useEffect, useRef, useState } from 'preact/hooks'
import type { Overlay } from '../app.js'
import { Problem } from '../parts/controls.js'
import { Icon } from '../parts/icons.js'
import { CameraDialog } from './cameraDialog.js'
import { drawHeat, mapOf } from './heatMap.js'
import { type Picture, readPicture } from './picture.js'

/** Where a picture is dropped, pasted, chosen or taken, and shown. */
export function PicturePane(props: {
  readonly picture: Picture | undefined
  readonly onPicture: (picture: Picture | undefined) => void
  readonly overlay: Overlay | undefined
}) {
  const { picture, onPicture, overlay } = props
  const [problem, setProblem] = useState<string>()
  const [dragging, setDragging] = useState(false)
  const [camera, setCamera] = useState(false)
  const input = useRef<HTMLInputElement>(null)

  const open = async (file: File | null | undefined) => {
    if (!file) return
    try {
      onPicture(await readPicture(file, file.name || 'pasted picture'))
      setProblem(undefined)
    } catch (error) {
      setProblem((error as Error).message)
    }
  }
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'))
      if (!file) return
      event.preventDefault()
      void open(file)
    }
    // A picture may be dropped anywhere on the page.
    const over = (event: DragEvent) => {
      event.preventDefault()
      setDragging(true)
    }
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setDragging(false)
    }
    const drop = (event: DragEvent) => {
      event.preventDefault()
      setDragging(false)
      void open(event.dataTransfer?.files[0])
    }
    const controller = new AbortController()
    const { signal } = controller
    addEventListener('paste', paste, { signal })
    addEventListener('dragover', over, { signal })
    addEventListener('dragleave', leave, { signal })
    addEventListener('drop', drop, { signal })
    return () => controller.abort()
  }, [])
  return (
    <section class="picture-pane" aria-label="Picture">
      <div class={`drop-zone${dragging ? ' dragging' : ''}${picture ? ' filled' : ''}`}>
        {picture ? (
          <>
            <figure class="frame" style={frameSize(picture)}>
              <img src={picture.dataUrl} alt={`Your picture: ${picture.name}`} class={overlay ? 'dimmed' : ''} />
              {overlay && <HeatMap overlay={overlay} />}
            </figure>
            <button
              type="button"
              class="button icon-only remove"
              aria-label="Remove the picture"
              onClick={() => onPicture(undefined)}
            >
              <Icon name="close" />
            </button>
          </>
        ) : (
          <div class="invitation">
            <Icon name="picture" />
            <p>
              <strong>Drop a picture here</strong>
              <br />
              or paste one, choose a file, take a photo
            </p>
          </div>
        )}
      </div>
      <input
        ref={input}
        type="file"
        accept="image/*"
        hidden
        aria-label="Picture file"
        onChange={(event) => {
          void open(event.currentTarget.files?.[0])
          event.currentTarget.value = ''
        }}
      />
      <div class="row">
        <button type="button" class="button" onClick={() => input.current?.click()}>
          <Icon name={picture ? 'swap' : 'picture'} /> {picture ? 'Another file' : 'Choose a file'}
        </button>
        <button type="button" class="button" onClick={() => setCamera(true)}>
          <Icon name="camera" /> Take a photo
        </button>
      </div>
      {picture && (
        <p class="hint picture-name">
          {picture.name} · {picture.width} × {picture.height}
        </p>
      )}
      <Problem message={problem} />
      {camera && <CameraDialog onPicture={onPicture} onClose={() => setCamera(false)} />}
    </section>
  )
}

/** As large as there is room, in the picture's own proportions, so that a map over it fits. */
function frameSize({ width, height }: Picture) {
  const ratio = width / height
  return { aspectRatio: ratio, width: `min(100%, calc(var(--picture-height) * ${ratio}))` }
}

function HeatMap({ overlay }: { readonly overlay: Overlay }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => drawHeat(canvas.current!, mapOf(overlay, overlay.query), overlay.rows, overlay.columns), [overlay])
  const which = overlay.query === 'mean' ? 'all queries' : `query ${overlay.query}`
  return <canvas ref={canvas} class="heat" role="img" aria-label={`Heat map of the attention of ${which}`} />
}
