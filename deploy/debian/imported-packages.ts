/**
 * Which npm packages a build needs at run time, found in the build itself: those that its modules import, and what these depend on. A build
 * that bundles them needs none, and nothing here has to know.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
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

/** `from 'pino'`, `import("yaml")`, `require('x')` */
const IMPORT = /\b(?:from|import|require)\s*\(?\s*(['"])([^'"\n]+)\1/g;

const MODULE = /\.[cm]?js$/;

/** Packages of `nodeModules` that `build` needs, sorted by name. A name that isn't there is left out: text in a string looks like an import too. */
export function importedPackages(build: string, nodeModules: string): NpmPackage[] {
  const packages = new Map<string, NpmPackage>();
  const waiting = [...importedNames(build)];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const folder = join(nodeModules, name);
    if (packages.has(name) || !existsSync(join(folder, 'package.json'))) continue;
    const {
      version = '0',
      license = 'unknown',
      dependencies = {},
    } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    if (existsSync(join(folder, 'node_modules')))
      throw new Error(`Cannot package "${name}": it has packages of its own below it, expected all side by side`);
    packages.set(name, { name, version, license, folder });
    waiting.push(...Object.keys(dependencies));
  }
  return [...packages.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

function importedNames(build: string): Set<string> {
  const names = new Set<string>();
  for (const file of readdirSync(build, { recursive: true, encoding: 'utf8' })) {
    if (!MODULE.test(file)) continue;
    for (const [, , specifier = ''] of readFileSync(join(build, file), 'utf8').matchAll(IMPORT)) {
      const name = packageOf(specifier);
      if (name !== undefined) names.add(name);
    }
  }
  return names;
}

/** `hono/utils` → `hono`; undefined for files and node's own. */
function packageOf(specifier: string): string | undefined {
  if (/^[./#]|^node:/.test(specifier)) return undefined;
  const [scope = '', name = ''] = specifier.split('/');
  const packageName = scope.startsWith('@') ? `${scope}/${name}` : scope;
  return builtinModules.includes(packageName) ? undefined : packageName;
}
