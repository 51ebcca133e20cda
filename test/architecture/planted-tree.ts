// A small repository in a temporary folder, under the real configuration of every gate, into which violations are planted.
//
// The configuration files are copied, not imitated: what is proven is that *they* catch a violation. The sources are a handful of files that
// break no rule, so that whatever a gate says is about what was planted.

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

export const REPOSITORY = join(import.meta.dirname, '..', '..');

/** Path in the repository → text. */
export type Sources = Readonly<Record<string, string>>;

const CONFIGURATION = [
  'tsconfig.json',
  'src/tsconfig.json',
  'src/globals.d.ts',
  'biome.json',
  'test/gate/no-clock.grit',
  '.dependency-cruiser.mjs',
  'knip.json',
  // Gates that are programs of this repository: their scripts name them relative to the tree.
  'test/gate/floating-promises.ts',
];

const PACKAGES = ['@hono/node-server', '@prometheus-io/client', 'chokidar', 'cli-progress', 'commander', 'hono', 'pino', 'yaml', 'zod'];

/** Breaks no rule, and uses each outside package from the file that may, so that no dependency is unused. */
const CLEAN_SOURCES: Sources = {
  'package.json': `${JSON.stringify(
    {
      name: 'planted-tree',
      private: true,
      type: 'module',
      dependencies: Object.fromEntries(PACKAGES.map((name) => [name, '*'])),
      scripts: { start: 'node daemon/main.ts', 'check:promises': 'node test/gate/floating-promises.ts' },
      devDependencies: { '@types/node': '*', 'fast-check': '*', typescript: '*' },
    },
    null,
    2,
  )}\n`,
  'src/lines/newline.ts': 'export const NEWLINE = 10;\n',
  'test/src/lines/newline.test.ts': "import 'fast-check';\n",
  'src/records/timestamp.ts': `import { NEWLINE } from '../lines/newline.ts';\n\nexport const EPOCH_MS = Date.UTC(1970, 0, 1) + NEWLINE;\n`,
  'src/tail/marker.ts': "import '../lines/newline.ts';\n",
  'src/pipeline.ts': `import { EPOCH_MS } from './records/timestamp.ts';\n\nexport const START_MS = EPOCH_MS;\n`,
  'daemon/handled-promises.ts': `import { readFile } from 'node:fs/promises';

let turn = Promise.resolve('');
turn = readFile('/dev/null', 'utf8');
await turn;
void readFile('/dev/null');
readFile('/dev/null').catch(() => undefined);
readFile('/dev/null').then(
  () => undefined,
  () => undefined,
);
readFile('/dev/null')
  .catch(() => undefined)
  .finally(() => undefined);
`,
  'daemon/logger.ts': "import 'pino';\n",
  'daemon/http/registry.ts': "import '@prometheus-io/client';\n",
  'daemon/http/server.ts': "import '@hono/node-server';\nimport 'hono';\nimport './registry.ts';\n",
  'daemon/sources/wake.ts': "import 'chokidar';\n",
  'daemon/config/config.ts': "import 'yaml';\nimport 'zod';\n",
  'daemon/commands/analyze.ts': "import 'cli-progress';\nimport 'commander';\n",
};

const CLEAN_IMPORTS = [
  '../src/tail/marker.ts',
  './commands/analyze.ts',
  './config/config.ts',
  './handled-promises.ts',
  './http/server.ts',
  './logger.ts',
  './sources/wake.ts',
];

export class PlantedTree {
  readonly folder: string;

  /**
   * `planted` comes on top of the clean sources. Its files are imported by daemon/main.ts, unless another of them does it: one that nobody
   * imports would be a finding of its own.
   */
  constructor(planted: Sources) {
    this.folder = mkdtempSync(join(tmpdir(), 'lotus-planted-'));
    for (const file of CONFIGURATION) this.#place(file, (target) => cpSync(join(REPOSITORY, file), target));
    symlinkSync(join(REPOSITORY, 'node_modules'), join(this.folder, 'node_modules'));
    const imports = Object.keys(planted).filter(
      (file) => /^(src|daemon)[/]/.test(file) && !(file in CLEAN_SOURCES) && !isImported(file, planted),
    );
    const main = [...CLEAN_IMPORTS, ...imports.map(fromDaemon)].sort().map((path) => `import '${path}';\n`);
    const program = `${main.join('')}import { START_MS } from '../src/pipeline.ts';\n\nexport const uptimeMs = Date.now() - START_MS;\n`;
    const sources: Sources = { ...CLEAN_SOURCES, 'daemon/main.ts': program, ...planted };
    for (const [file, text] of Object.entries(sources)) this.#place(file, (target) => writeFileSync(target, text));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }

  #place(file: string, write: (target: string) => void): void {
    const target = join(this.folder, file);
    mkdirSync(dirname(target), { recursive: true });
    write(target);
  }
}

function isImported(file: string, sources: Sources): boolean {
  return Object.values(sources).some((text) => text.includes(`/${basename(file)}'`));
}

/** `src/x.ts` → `../src/x.ts`, `daemon/x.ts` → `./x.ts`. */
function fromDaemon(file: string): string {
  return file.startsWith('daemon/') ? `./${file.slice('daemon/'.length)}` : `../${file}`;
}
