import { useEffect, useRef, useState } from 'preact/hooks'
import { Problem } from '../parts/controls.js'
import { type Picture, toJpeg } from './picture.js'

/** A window with the camera's picture; it is switched off when the window closes. */
export function CameraDialog(props: { readonly onPicture: (picture: Picture) => void; readonly onClose: () => void }) {
  const { onPicture, onClose } = props
  const dialog = useRef<HTMLDialogElement>(null)
  const video = useRef<HTMLVideoElement>(null)
  const [ready, setReady] = useState(false)
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    dialog.current!.showModal()
    return openCamera(video.current!, setProblem)
  }, [])
  const take = async () => {
    const bitmap = await createImageBitmap(video.current!)
    const { width, height } = bitmap
    onPicture({ name: 'photo', dataUrl: toJpeg(bitmap), width, height })
    bitmap.close()
    onClose()
  }
  return (
    <dialog ref={dialog} class="camera" aria-label="Take a photo" onClose={onClose}>
      <video ref={video} autoplay playsinline muted onLoadedData={() => setReady(true)} />
      <Problem message={problem} />
      <div class="row">
        <button type="button" class="button primary" disabled={!ready} onClick={() => void take()}>
          Take the photo
        </button>
        <button type="button" class="button" onClick={() => dialog.current!.close()}>
          Cancel
        </button>
      </div>
    </dialog>
  )
}

/** Shows the camera in `video`. -> switches it off */
function openCamera(video: HTMLVideoElement, onProblem: (message: string) => void): () => void {
  let stream: MediaStream | undefined
  let closed = false
  const stop = () => {
    for (const track of stream?.getTracks() ?? []) track.stop()
  }
  // Outside of https and localhost browsers have no camera to give.
  const asked = navigator.mediaDevices?.getUserMedia({ video: { facingMode: 'environment' } })
  if (!asked) onProblem('The camera needs https, or a page from this machine.')
  asked?.then(
    (found) => {
      stream = found
      if (closed) return stop()
      video.srcObject = found
    },
    (error: Error) => onProblem(`The camera cannot be used: ${error.message}`),
  )
  return () => {
    closed = true
    stop()
  }
}
