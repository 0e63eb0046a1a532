import { parity } from './cli.js'

process.exitCode = await parity(process.argv.slice(2), console)
