/**
 * The part of the WebAssembly interface used here, as TypeScript's DOM library declares it; that library would also
 * bring a window and a document that Node does not have.
 */
declare namespace WebAssembly {
  interface MemoryDescriptor {
    initial: number
    maximum?: number
  }
  interface Memory {
    readonly buffer: ArrayBuffer
  }
  var Memory: { prototype: Memory; new (descriptor: MemoryDescriptor): Memory }

  interface Module {
    readonly [Symbol.toStringTag]: 'WebAssembly.Module'
  }
  var Module: { prototype: Module; new (bytes: Uint8Array): Module }

  interface Instance {
    readonly exports: Record<string, unknown>
  }
  var Instance: {
    prototype: Instance
    new (module: Module, imports?: Record<string, Record<string, unknown>>): Instance
  }
}
