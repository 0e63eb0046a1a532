/** A picture of an index. */
export interface FoundPicture {
  /** Its path as the index holds it. */
  readonly path: string
  /** Cosine with the query, the best over the picture's vectors. */
  readonly itc: number
}

/** An index of pictures, as the server searches it. */
export interface PictureSearch {
  /** Pictures that it holds. */
  count(): Promise<number>
  /** The pictures nearest to a text's unit vector, nearest first. vector: [embeddingWidth] */
  nearest(vector: Float32Array, limit: number, signal: AbortSignal): Promise<readonly FoundPicture[]>
  /** The file of a picture; undefined where the index does not hold it. */
  read(path: string, signal: AbortSignal): Promise<Uint8Array | undefined>
}
