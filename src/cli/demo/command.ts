import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { type Io, printJson } from '../io.js'
import { addModelOptions, type ModelFlags, withModel } from '../model.js'
import { addJsonOption, type JsonOption } from '../options.js'
import { progressLine } from '../progress.js'
import { readDemoAssets } from './assets.js'
import { demoPage } from './page.js'
import { demoJson, demoReport } from './report.js'
import { runDemo } from './runDemo.js'

export function registerDemo(program: Command, io: Io): void {
  const command = program
    .command('demo')
    .description('caption, name and search twelve drawings that the model has never seen')
    .option('--out <file>', 'where the page is written', 'blip2-demo.html')
    .action(async (flags: ModelFlags & JsonOption & { out: string }) => {
      const assets = await readDemoAssets()
      const progress = progressLine(io)
      const result = await withModel(io, flags, (model) => runDemo(model, assets, io.signal, progress.report))
      progress.clear()
      await writeFile(flags.out, demoPage(result))
      if (flags.json) printJson(io, demoJson(result))
      else io.out(`${demoReport(result)}\nThe pictures: ${flags.out}\n`)
    })
  addJsonOption(addModelOptions(command))
}
