// Which file may import which (house rules: data flows one way, src/ only computes, each outside thing has one importer).
// The rules are made from the two tables below; `npm run check` runs them over src/ and daemon/, test/architecture proves that they can fail.

/**
 * The stages of src/, in the order in which data passes through them. A stage may import those to its left, never one to its right:
 * a parser that knows what becomes of its records can't be understood, tested or moved alone.
 *
 * `tail` isn't in the row: it decides about files (rotation, identity) before there is a line, and only daemon/ asks it.
 */
const STAGES = [
  'lines',
  'records',
  'rules',
  'requests',
  'facts',
  'client-reports',
  'homeserver',
  'devices',
  'calls',
  'incidents',
  'verdict',
  'metrics',
];

/** Files beside the stages that every stage may use: words, not behaviour. Any other file there composes stages (pipeline.ts). */
const VOCABULARY = '^src/(?:result|identifiers|events|certainty|incident|kept-rows|globals[.]d)[.]ts$';

/**
 * One importer for each outside thing: its traps are known, typed and tested in one place, and it can be replaced there.
 * `by` is a path pattern of the files that may; tests may import what they like.
 */
const SINGLE_IMPORTERS = [
  {
    package: '@prometheus-io/client',
    by: '^daemon/http/registry[.]ts$',
    why: 'it corrupts counter names when a registry is shared between formats; http/registry.ts knows how to use it',
  },
  { package: 'pino', by: '^daemon/logger[.]ts$', why: 'log lines hold user ids and addresses: logger.ts redacts them' },
  {
    package: 'chokidar',
    by: '^daemon/(?:sources/wake|rules/rule-files)[.]ts$',
    why: 'it loses watches, so it may only be a hint beside a timer',
  },
  { package: 'yaml', by: '^daemon/(?:config|rules)/', why: 'YAML is parsed at the edge; everybody else gets typed values' },
  {
    package: 'zod',
    by: '^daemon/(?:config|rules|evidence)/',
    why: 'unknown input is narrowed at the edge; everybody else gets typed values',
  },
  { package: 'commander', by: '^daemon/(?:main[.]ts$|commands/)', why: 'arguments are read where the commands are' },
  { package: 'hono', by: '^daemon/http/', why: 'HTTP belongs to daemon/http' },
  { package: '@hono/node-server', by: '^daemon/http/', why: 'HTTP belongs to daemon/http' },
  { package: 'cli-progress', by: '^daemon/commands/', why: 'only a command talks to a terminal' },
];

const any = (names) => `(?:${names.join('|')})`;

/** One rule for each stage but the last: nothing to its right. */
const directionRules = STAGES.slice(0, -1).map((stage, index) => ({
  name: `stage-direction-${stage}`,
  comment: `Data flows ${STAGES.join(' → ')}: src/${stage} knows nothing of what comes after it. Move the code to the right, or the type to the left.`,
  severity: 'error',
  from: { path: `^src/${stage}/` },
  to: { path: `^src/${any(STAGES.slice(index + 1))}/` },
}));

const singleImporterRules = SINGLE_IMPORTERS.map(({ package: name, by, why }) => ({
  name: `single-importer-${name}`,
  comment: `Only ${by} imports ${name}: ${why}.`,
  severity: 'error',
  from: { path: '^(?:src|daemon)/', pathNot: by },
  // As resolved (…/node_modules/name/…) and, where it can't be resolved, as written.
  to: { path: `(?:^|node_modules/)${name}(?:/|$)` },
}));

export default {
  forbidden: [
    ...directionRules,
    {
      name: 'stage-known',
      comment:
        'Every folder of src/ has its place in the order of stages (STAGES in .dependency-cruiser.mjs): one that has none would be checked by no rule.',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: `^src/${any([...STAGES, 'tail'])}/` },
    },
    {
      name: 'stage-composes-nothing',
      comment:
        'Only the files at the top of src/ (pipeline.ts) put stages together; a stage that imports one of them turns the flow around.',
      severity: 'error',
      from: { path: '^src/[^/]+/' },
      to: { path: '^src/[^/]+[.]ts$', pathNot: VOCABULARY },
    },
    {
      name: 'vocabulary-is-leaf',
      comment: 'result.ts and identifiers.ts are words that every stage uses: they rest on nothing.',
      severity: 'error',
      from: { path: '^src/(?:result|identifiers)[.]ts$' },
      to: { path: '^src/', pathNot: VOCABULARY },
    },
    {
      name: 'tail-only-lines',
      comment: 'src/tail decides about files and positions; what their lines mean is no concern of it.',
      severity: 'error',
      from: { path: '^src/tail/' },
      to: { path: `^src/${any(STAGES.filter((stage) => stage !== 'lines'))}/` },
    },
    {
      name: 'tail-not-in-stages',
      comment: 'Which file a byte came from is settled before the first stage; stages get positions as plain data.',
      severity: 'error',
      from: { path: `^src/${any(STAGES)}/` },
      to: { path: '^src/tail/' },
    },
    {
      name: 'core-not-daemon',
      comment: 'src/ only computes, daemon/ touches the world: daemon/ imports src/, never the other way round.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^daemon/' },
    },
    {
      name: 'core-no-node',
      comment: 'src/ only computes: no file, socket, clock, timer, random number. What it needs of the world is a parameter.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-no-packages',
      comment: 'src/ rests on the language alone: packages bring node or DOM types, work at import time and updates along.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'not-to-test',
      comment: 'Nothing that ships rests on a test.',
      severity: 'error',
      from: { path: '^(?:src|daemon)/' },
      to: { path: '^test/' },
    },
    {
      name: 'not-to-dev-dependency',
      comment: 'What ships may only import what is installed with it (dependencies in package.json).',
      severity: 'error',
      from: { path: '^(?:src|daemon)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-unlisted-package',
      comment: 'A package that package.json does not list comes and goes with somebody else’s dependencies.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that resolves to nothing is checked by no other rule here.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-cycle',
      comment: 'Files that need each other are one file, or share a third one that is missing.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...singleImporterRules,
  ],
  options: {
    // Types count: a stage that names a type of a stage to its right knows about it.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
