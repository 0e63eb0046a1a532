export { DEVICES, type Device } from './devices.js'
export { FunctionCache } from './functionCache.js'
export { CompiledFunction, type CompileOptions } from './session.js'
export * from './values.js'
