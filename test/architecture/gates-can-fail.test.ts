// Each gate is shown a violation of each thing it is there for, and has to name it; the gates that aren't meant have to stay silent.
//
// All violations stand in one tree, each in files of its own, and every gate runs over it once: what a gate says about a file can only come
// from what was planted there. The rest of the tree breaks no rule, and no gate may say anything about it.

import { mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runScript } from '../gate/run-script.ts';
import { type Finding, judge, type Verdict } from './findings.ts';
import { PlantedTree, REPOSITORY, type Sources } from './planted-tree.ts';

interface Plant {
  readonly violation: string;
  readonly sources: Sources;
  /** `gate rule`, sorted; all that may be said about the sources. */
  readonly foundBy: readonly string[];
}

const ASKED = (condition: string): string => `if (${condition}) throw new RangeError('planted');\n`;

const PLANTS: readonly Plant[] = [
  {
    violation: 'a node module in src/',
    sources: { 'src/lines/reads-file.ts': "import { readFileSync } from 'node:fs';\n\nreadFileSync('/dev/null');\n" },
    foundBy: ['check:direction core-no-node', 'check:lint lint/correctness/noNodejsModules', 'check:pure TS2591'],
  },
  {
    violation: 'process in src/',
    sources: { 'src/lines/asks-process.ts': ASKED('process.pid === 0') },
    foundBy: ['check:lint lint/style/noRestrictedGlobals', 'check:pure TS2591'],
  },
  {
    violation: 'console in src/',
    sources: { 'src/lines/logs.ts': "console.log('planted');\n" },
    foundBy: ['check:lint lint/style/noRestrictedGlobals', 'check:pure TS2584'],
  },
  {
    violation: 'the clock in src/',
    sources: { 'src/lines/reads-clock.ts': ASKED('Date.now() === 0') },
    foundBy: ['check:lint lint/style/noRestrictedGlobals'],
  },
  {
    violation: 'the clock by way of globalThis in src/',
    sources: { 'src/lines/reads-clock-aside.ts': ASKED('globalThis.Date.now() === 0') },
    foundBy: ['check:lint lint/style/noRestrictedGlobals'],
  },
  {
    violation: 'a Date object in src/records/timestamp.ts, which may call Date.UTC',
    sources: {
      'src/records/timestamp.ts': `import { NEWLINE } from '../lines/newline.ts';\n\nexport const EPOCH_MS = Date.UTC(1970, 0, 1) + new Date(NEWLINE).getHours();\n`,
    },
    foundBy: ['check:lint plugin'],
  },
  {
    violation: 'randomness in src/',
    sources: { 'src/lines/throws-dice.ts': ASKED('Math.random() > 1') },
    foundBy: ['check:lint lint/nursery/noJsRestrictedProperties'],
  },
  {
    violation: 'a timer in src/',
    sources: { 'src/lines/waits.ts': 'setTimeout(() => undefined, 1);\n' },
    foundBy: ['check:lint lint/style/noRestrictedGlobals', 'check:pure TS2304'],
  },
  {
    violation: 'src/ importing daemon/',
    sources: {
      'src/lines/asks-daemon.ts': `import { PORT } from '../../daemon/port.ts';\n\n${ASKED('PORT === 0')}`,
      'daemon/port.ts': 'export const PORT: number = 9464;\n',
    },
    foundBy: ['check:direction core-not-daemon'],
  },
  {
    violation: 'a package in src/',
    sources: { 'src/lines/uses-package.ts': "import 'yaml';\n" },
    foundBy: ['check:direction core-no-packages', 'check:direction single-importer-yaml'],
  },
  {
    violation: 'a stage importing one to its right',
    sources: { 'src/lines/knows-records.ts': "import '../records/timestamp.ts';\n" },
    foundBy: ['check:direction stage-direction-lines'],
  },
  {
    violation: 'a stage importing a type of one to its right',
    sources: {
      'src/devices/knows-verdict.ts': `import type { Answer } from '../verdict/answer.ts';\n\nconst answer: Answer = 'yes';\n${ASKED('answer.length === 0')}`,
      'src/verdict/answer.ts': "export type Answer = 'yes' | 'no';\n",
    },
    foundBy: ['check:direction stage-direction-devices'],
  },
  {
    violation: 'a stage importing the pipeline',
    sources: { 'src/facts/composes.ts': "import '../pipeline.ts';\n" },
    foundBy: ['check:direction stage-composes-nothing'],
  },
  {
    violation: 'tail importing records',
    sources: { 'src/tail/knows-records.ts': "import '../records/timestamp.ts';\n" },
    foundBy: ['check:direction tail-only-lines'],
  },
  {
    violation: 'a stage importing tail',
    sources: { 'src/incidents/knows-tail.ts': "import '../tail/marker.ts';\n" },
    foundBy: ['check:direction tail-not-in-stages'],
  },
  {
    violation: 'a folder of src/ without a place in the order',
    sources: { 'src/helpers/text.ts': 'export {};\n', 'daemon/uses-helpers.ts': "import '../src/helpers/text.ts';\n" },
    foundBy: ['check:direction stage-known'],
  },
  {
    violation: 'files that import each other',
    sources: {
      'daemon/farm.ts': "import './hen.ts';\n",
      'daemon/hen.ts': "import { EGG } from './egg.ts';\n\nexport const HEN = (): number => EGG;\n",
      'daemon/egg.ts': "import { HEN } from './hen.ts';\n\nexport const EGG = 1;\nHEN();\n",
    },
    foundBy: ['check:direction no-cycle'],
  },
  {
    violation: 'daemon/ importing test/',
    sources: { 'daemon/uses-test.ts': "import '../test/tool.ts';\n", 'test/tool.ts': 'export {};\n' },
    foundBy: ['check:direction not-to-test'],
  },
  {
    violation: 'daemon/ importing a development dependency',
    sources: { 'daemon/uses-tool.ts': "import 'fast-check';\n" },
    foundBy: ['check:direction not-to-dev-dependency'],
  },
  {
    violation: 'a package that package.json does not list',
    sources: { 'daemon/uses-unlisted.ts': "import 'semver';\n" },
    foundBy: ['check:dead-code unlisted', 'check:direction no-unlisted-package'],
  },
  ...['@hono/node-server', '@prometheus-io/client', 'chokidar', 'cli-progress', 'commander', 'hono', 'pino', 'yaml', 'zod'].map((name) => ({
    violation: `a second importer of ${name}`,
    sources: { [`daemon/state/second-${name.replace('/', '-')}.ts`]: `import '${name}';\n` },
    foundBy: [`check:direction single-importer-${name}`],
  })),
  {
    violation: 'an export that nobody uses',
    sources: { 'daemon/spare-export.ts': 'export const SPARE = 1;\n' },
    foundBy: ['check:dead-code exports'],
  },
  {
    violation: 'a type error',
    sources: { 'daemon/wrong-type.ts': `const port: number = '9464';\n${ASKED('port === 0')}` },
    foundBy: ['check:types TS2322'],
  },
  {
    violation: 'an element of an array taken for granted',
    sources: { 'daemon/unchecked-index.ts': "['a'][0].trim();\n" },
    foundBy: ['check:types TS2532'],
  },
  {
    violation: 'a format of its own',
    sources: { 'daemon/own-format.ts': 'if (process.pid === 0)   throw new RangeError("planted")\n' },
    foundBy: ['check:lint format'],
  },
  {
    violation: 'a promise nobody waits for',
    sources: { 'daemon/floating.ts': 'async function save(): Promise<void> {}\n\nsave();\n' },
    foundBy: ['check:lint lint/nursery/noFloatingPromises', 'check:promises floating-promise'],
  },
  {
    violation: "a promise of node's that nobody waits for",
    sources: { 'daemon/floating-node.ts': "import { readFile } from 'node:fs/promises';\n\nreadFile('/dev/null');\n" },
    foundBy: ['check:promises floating-promise'],
  },
  {
    violation: 'a promise that nobody waits for under a condition',
    sources: {
      'daemon/floating-sometimes.ts': "import { readFile } from 'node:fs/promises';\n\nprocess.pid > 0 && readFile('/dev/null');\n",
    },
    foundBy: ['check:promises floating-promise'],
  },
  {
    violation: 'any',
    sources: { 'daemon/any.ts': `const value: any = process.pid;\n${ASKED('value.nothing')}` },
    foundBy: ['check:lint lint/suspicious/noExplicitAny'],
  },
  {
    violation: 'an assertion that something is there',
    sources: { 'daemon/asserts.ts': "['a'][0]!.trim();\n" },
    foundBy: ['check:lint lint/style/noNonNullAssertion'],
  },
  {
    violation: 'a default export',
    sources: { 'daemon/default.ts': 'export default 1;\n' },
    foundBy: ['check:dead-code exports', 'check:lint lint/style/noDefaultExport'],
  },
  {
    violation: 'an enum, which node cannot erase',
    sources: { 'daemon/enum.ts': `enum Colour {\n  Red = 1,\n}\n${ASKED('Colour.Red > process.pid')}` },
    foundBy: ['check:types TS1294'],
  },
];

describe('gates', () => {
  let verdicts: Verdict[] = [];

  beforeAll(async () => {
    using tree = new PlantedTree(Object.assign({}, ...PLANTS.map(({ sources }) => sources)));
    verdicts = await judge(tree.folder);
  });

  it('are red', () => {
    expect(verdicts.map(({ gate, exitCode }) => ({ gate, isRed: exitCode !== 0 }))).toEqual(
      ['check:types', 'check:pure', 'check:lint', 'check:promises', 'check:direction', 'check:dead-code'].map((gate) => ({
        gate,
        isRed: true,
      })),
    );
  });

  it.each(PLANTS)('find $violation', ({ sources, foundBy }) => {
    const found = verdicts.flatMap(({ findings }) => findings).filter(({ file }) => file in sources);
    expect(texts(found)).toEqual(foundBy);
  });

  it('find nothing beyond what was planted', () => {
    const plantedFiles = new Set(PLANTS.flatMap(({ sources }) => Object.keys(sources)));
    expect(verdicts.flatMap(({ findings }) => findings).filter(({ file }) => !plantedFiles.has(file))).toEqual([]);
  });
});

describe('check:rules', () => {
  const rule = readFileSync(join(REPOSITORY, 'rules/ke-3-redactions.yml'), 'utf8').replace('id: ke-3.redaction', 'id: planted.redaction');

  it.each([
    { name: 'is green with a rule that passes its tests', text: rule, exitCode: 0 },
    { name: 'is red for a rule that misses a line it must match', text: rule.replace("line: 'PUT ", "line: 'DELETE "), exitCode: 78 },
    {
      name: 'is red for a rule that matches a line it must not',
      text: rule.replace(
        "- 'GET /_matrix/client/v3/rooms/!bgf%3Aexample.org/event/",
        "- 'PUT /_matrix/client/v3/rooms/!bgf%3Aexample.org/redact/",
      ),
      exitCode: 78,
    },
  ])('$name', async ({ text, exitCode }) => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'lotus-rules-'));
    const path = join(folder.path, 'planted.yml');
    writeFileSync(path, text);
    const run = await runScript('check:rules', { extraArguments: [path] });
    expect(run).toMatchObject({ exitCode });
    expect(run.output.includes('rule \\"planted.redaction\\"')).toBe(exitCode !== 0);
  });
});

/** `gate rule`, each once, sorted. */
function texts(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(({ gate, rule }) => `${gate} ${rule}`))].sort();
}
