/** Whether a file's name says that it is a picture of a format that can be decoded. */
export const isPictureName = (name: string): boolean => /\.(png|jpe?g|webp|gif|avif|tiff?|svg)$/i.test(name)
