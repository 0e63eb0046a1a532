import runtime from 'onnxruntime-node'

/**
 * Test files run beside each other, one for each core, with models so tiny that a second thread has nothing to do but
 * spin. So the runtime's default here is one thread, not one for each core; a test may still ask for more, and
 * processes and threads that tests start have the default of users.
 */
const { InferenceSession } = runtime
const create = InferenceSession.create
InferenceSession.create = (model, options) => create.call(InferenceSession, model, { intraOpNumThreads: 1, ...options })
