/**
 * Every error this package throws on purpose. `code` is stable across versions; the message says what was expected,
 * what came and what to do. An aborted call throws the platform's own AbortError instead.
 */
export class Blip2Error extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** Shapes that do not fit an operator, a model or a weight. */
export class ShapeError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('SHAPE', message, options)
  }
}

/** An element type that an operator, a file or a device does not take. */
export class DtypeError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('DTYPE', message, options)
  }
}

/** A weight file that is broken, or that does not hold what the model needs. */
export class WeightsError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('WEIGHTS', message, options)
  }
}

/** A model directory or hub id that does not lead to a model. */
export class ModelNotFoundError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('MODEL_NOT_FOUND', message, options)
  }
}

/** The runtime or the machine ran out of memory. */
export class OutOfMemoryError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('OUT_OF_MEMORY', message, options)
  }
}

/** A loss, gradient or weight became NaN or infinite. */
export class NonFiniteError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('NON_FINITE', message, options)
  }
}

/** A picture that cannot be decoded, or is refused for its size. */
export class ImageError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('IMAGE', message, options)
  }
}

/** A data set, caption file or shard that is broken or missing. */
export class DataError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('DATA', message, options)
  }
}

/** A configuration value, command-line flag or option out of range. */
export class ConfigError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('CONFIG', message, options)
  }
}

/** A checkpoint that is truncated, altered or belongs to another run. */
export class CheckpointError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('CHECKPOINT', message, options)
  }
}

/** The runtime failed inside a graph; the message names the node and its shapes. */
export class RuntimeError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('RUNTIME', message, options)
  }
}

/** An object was used after dispose(). */
export class DisposedError extends Blip2Error {
  constructor(message: string, options?: ErrorOptions) {
    super('DISPOSED', message, options)
  }
}
