/**
 * Which npm packages the program is made of at run time: the dependencies in package.json, and what these depend on. Some are imported by the build and
 * have to be beside it; some were bundled into it, and come along for their licenses.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface NpmPackage {
  /** `@hono/node-server` */
  readonly name: string;
  readonly version: string;
  /** As its package.json has it: `MIT`; 'unknown' where it says nothing. */
  readonly license: string;
  /** Its folder, absolute. */
  readonly folder: string;
}

interface Manifest {
  readonly version?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Sorted by name. Throws where one isn't installed, or has another version of a package below it: they are copied side by side. */
export function runtimePackages(repository: string): NpmPackage[] {
  const packages = new Map<string, NpmPackage>();
  const waiting = dependenciesOf(readManifest(repository));
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (packages.has(name)) continue;
    const folder = join(repository, 'node_modules', name);
    const manifest = readManifest(folder);
    if (existsSync(join(folder, 'node_modules')))
      throw new Error(`Cannot package "${name}": it has packages of its own below it, expected all side by side`);
    packages.set(name, { name, version: manifest.version ?? '0', license: manifest.license ?? 'unknown', folder });
    waiting.push(...dependenciesOf(manifest));
  }
  return [...packages.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

function dependenciesOf({ dependencies = {} }: Manifest): string[] {
  return Object.keys(dependencies);
}
