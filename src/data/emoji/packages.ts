import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DataError } from '../../errors.js'

/** An npm package that holds drawings or names. They are optional: an application installs the ones it uses. */
export interface DataPackage {
  name: string
  /** The version the data set was measured with; another one works, with slightly different counts. */
  version: string
}

/**
 * The folder of an installed package, looked for beside this library first and then from the working directory.
 *
 * @throws DataError with the `npm install` line when the package is not there.
 */
export function packageDirectory({ name, version }: DataPackage): string {
  const directory = findPackage(name)
  if (directory === undefined)
    throw new DataError(`The package ${name} is not installed. Run: npm install ${name}@${version}`)
  return directory
}

/** Throws one DataError with the `npm install` line for all of the packages that are not there. */
export function requirePackages(packages: readonly DataPackage[]): void {
  const missing = packages.filter(({ name }) => findPackage(name) === undefined)
  if (missing.length === 0) return
  const list = missing.map(({ name, version }) => `${name}@${version}`)
  throw new DataError(
    `The drawings and names are optional packages, and ${missing.length} of ${packages.length} are not installed. Run: npm install ${list.join(' ')}`,
  )
}

function findPackage(name: string): string | undefined {
  for (const origin of [import.meta.url, pathToFileURL(join(process.cwd(), 'index.js')).href]) {
    // Not require.resolve(`${name}/package.json`): a package whose `exports` leave that file out would look absent.
    for (const folder of createRequire(origin).resolve.paths(name) ?? []) {
      const directory = join(folder, name)
      if (existsSync(join(directory, 'package.json'))) return directory
    }
  }
  return undefined
}

/** The version of an installed package. */
export function installedVersion(dataPackage: DataPackage): string {
  const manifest = readPackageJson<{ version?: string }>(dataPackage, 'package.json')
  if (manifest.version === undefined) throw new DataError(`package.json of ${dataPackage.name} has no version`)
  return manifest.version
}

/** Reads one JSON file of an installed package; the caller names the shape that the package documents. */
export function readPackageJson<T>(dataPackage: DataPackage, file: string): T {
  const path = join(packageDirectory(dataPackage), file)
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch (cause) {
    const { name, version } = dataPackage
    throw new DataError(
      `Cannot read ${dirname(path)}/${file}; the package may be damaged. Run: npm install ${name}@${version}`,
      { cause },
    )
  }
}
