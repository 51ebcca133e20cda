/**
 * The daemon's composition root: builds the parts, connects them, starts them, and stops them in reverse order. No logic of its own: what a
 * changed inode or a line means is decided elsewhere.
 *
 *     followers → pipeline → metric store ← HTTP server
 *                    ↑ rules (watched)
 *     state ⇄ all of them
 */
import { MAX_SAMPLE_LENGTH, type WatchEvent } from '../src/events.ts';
import type { Fact } from '../src/facts/fact.ts';
import { MetricStore } from '../src/metrics/metric-store.ts';
import { Pipeline } from '../src/pipeline.ts';
import { DEFAULT_JOIN_BOUNDS } from '../src/requests/request-joiner.ts';
import type { RuleSet } from '../src/rules/rule-set.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import { formatListenAddress } from './config/listen-address.ts';
import { type Checked, fileProblem } from './config/problem.ts';
import { createHttpServer, type HttpServer } from './http/server.ts';
import type { StatusView } from './http/status-view.ts';
import { createIdentifierHash } from './identifier-hash.ts';
import { decideReadiness, type SourceStanding } from './readiness.ts';
import { hintOnRuleChange } from './rules/rule-files.ts';
import { compileLoadedRules } from './rules/rule-set-loader.ts';
import { openRuleWatch, type RuleWatch } from './rules/rule-watch.ts';
import { createSource } from './sources/create-source.ts';
import type { LogSource } from './sources/log-source.ts';
import { createTurns } from './sources/turns.ts';
import { createWake } from './sources/wake.ts';
import { openState } from './state/open-state.ts';
import type { StateKeeper } from './state/state-keeper.ts';
import { VERSION } from './version.ts';

export interface DaemonOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly announce: (event: WatchEvent) => void;
  /** Told of each fact, after it was counted. */
  readonly onFact?: (fact: Fact) => void;
  /** A listening socket that was handed over, in place of `config.listen`. */
  readonly listenDescriptor?: number;
}

export interface Daemon {
  readonly address: { readonly host: string; readonly port: number };
  readonly pipeline: Pipeline;
  /** All that stood in the files at the start has been read. */
  readonly isCaughtUp: boolean;
  /** When each source completed its last look, by the clock's monotonicMs. */
  readonly lastLooksMs: readonly number[];
  /** Resolves when every source has come to its end, as standard input can; a file and the journal never do. */
  readonly isOver: Promise<void>;
  status(): StatusView;
  /** SIGHUP: rules are read again; the last good ones stay where the new ones aren't. `isConfigGood`: what the configuration file came to. */
  reload(isConfigGood?: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** Path of the problem that the address can't be had: the configuration may be right, and another process sit there. */
export const LISTEN = 'listen';

/** Starts reading and listening. Problems of rules, identifiers or the address are handed back, nothing runs then. */
export async function startDaemon({ config, clock, announce, onFact, listenDescriptor }: DaemonOptions): Promise<Checked<Daemon>> {
  const identifiers = createIdentifierHash(config);
  if (!identifiers.ok) return identifiers;
  const store = new MetricStore({
    maxDeviceSeries: config.limits.maxDeviceSeries,
    identifiers: config.identifiers,
    hashIdentifier: identifiers.value,
  });
  let onUse = (_rules: RuleSet): void => undefined;
  const locations = { extraPaths: config.extraRulePaths };
  const rules = await openRuleWatch<RuleSet>({
    locations,
    compile: (loaded) => compileLoadedRules(loaded, store),
    onUse: (set) => onUse(set),
    announce,
  });
  if (!rules.ok) return rules;
  const pipeline = createPipeline(config, store, rules.value.current(), announce, onFact);
  onUse = (set) => pipeline.replaceRules(set);
  const turns = createTurns();
  const surroundings = {
    clock,
    wake: createWake({ clock, hints: config.follow.usesHints, quietPollMs: config.follow.pollIntervalMs }),
    turns,
    standardInput: process.stdin,
  };
  const over = new Set<LogSource>();
  let onOver = (): void => undefined;
  const isOver = new Promise<void>((resolve) => {
    onOver = resolve;
  });
  const onEnd = (source: LogSource): void => {
    if (over.add(source).size === sources.length) onOver();
  };
  let onBegan = (): void => undefined;
  const sources = config.sources.map((source) =>
    createSource({ config: source, pipeline, surroundings, announce, onBegan: () => onBegan(), onEnd }),
  );
  const startedMs = clock.nowMs();
  const state = openState({ folder: config.stateDirectory, kept: pipeline.keptRows(), sources, metrics: store, clock, turns, announce });
  if (!state.ok) {
    await rules.value.close();
    return state;
  }
  const { keeper, positions } = state.value;
  noteReload(store, true, startedMs);
  store.gauge('lotus_e2ee_watch_build_info', VERSION, process.version).set(1);
  const status = (): StatusView => createStatus({ pipeline, sources, resumed: positions, keeper, clock, startedMs });
  const descriptor = listenDescriptor === undefined ? {} : { descriptor: listenDescriptor };
  const server = createHttpServer({ listen: config.listen, ...descriptor, store, status, beforeShown: () => keeper.commitInParts() });
  const address = await listen(server, config);
  if (!address.ok) {
    keeper.stop();
    await rules.value.close();
    return address;
  }
  announce({ kind: 'server_opened', ...address.value });
  const hints = await watchOwnRules(config, rules.value, announce);
  onBegan = () => keeper.commitSoon();
  const firstFrom = config.readsOlderGenerations ? 'oldest' : config.startAt;
  for (const source of sources) source.start(firstFrom, positions.get(source.name));
  keeper.start();
  const daemon: Daemon = {
    address: address.value,
    pipeline,
    get isCaughtUp() {
      return sources.every((source) => source.hasCaughtUp);
    },
    get lastLooksMs() {
      return sources.map((source) => source.lastLookMs);
    },
    isOver,
    status,
    reload: async (isConfigGood = true) => noteReload(store, (await rules.value.reload()).ok && isConfigGood, clock.nowMs()),
    stop: async () => {
      await server.close();
      // Before the sources let go of their files: they know then where they stand.
      keeper.stop();
      for (const source of sources) source.stop();
      await hints?.close();
      await rules.value.close();
    },
  };
  return { ok: true, value: daemon };
}

function createPipeline(
  config: Config,
  metrics: MetricStore,
  rules: RuleSet,
  announce: DaemonOptions['announce'],
  onFact: DaemonOptions['onFact'],
): Pipeline {
  const { maxDevices, maxOpenJoins: maxOpen, maxJoinAgeMs: maxAgeMs } = config.limits;
  return new Pipeline({
    rules,
    metrics,
    maxDevices,
    joinBounds: { ...DEFAULT_JOIN_BOUNDS, maxOpen, maxAgeMs },
    ...(onFact === undefined ? {} : { onFact }),
    onFormat: (source, { kind, prefix }) =>
      announce({ kind: 'format_detected', source, format: kind, layout: prefix === 'none' ? 'no prefix' : `prefix: ${prefix}` }),
    onUnrecognised: (source, reason, sample) =>
      announce({ kind: 'shape_unrecognised', source, reason, logger: null, sample: sample.slice(0, MAX_SAMPLE_LENGTH) }),
  });
}

/** The operator's own rules are watched. The built-in ones change with the package alone, and that restarts the daemon; SIGHUP reads all. */
async function watchOwnRules(
  { extraRulePaths }: Config,
  rules: RuleWatch<RuleSet>,
  announce: DaemonOptions['announce'],
): Promise<{ close(): Promise<void> } | null> {
  if (extraRulePaths.length === 0) return null;
  return hintOnRuleChange(
    { extraPaths: extraRulePaths },
    { onHint: () => rules.hint(), onLost: (message) => announce({ kind: 'hints_lost', watched: 'rules', message }) },
  );
}

async function listen(server: HttpServer, config: Config): Promise<Checked<{ readonly host: string; readonly port: number }>> {
  try {
    return { ok: true, value: await server.start() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, problems: [{ ...fileProblem(formatListenAddress(config.listen), message), path: LISTEN }] };
  }
}

function noteReload(store: MetricStore, isGood: boolean, nowMs: number): void {
  store.gauge('lotus_e2ee_watch_config_last_reload_successful').set(Number(isGood));
  if (isGood) store.gauge('lotus_e2ee_watch_config_last_reload_success_timestamp_seconds').set(nowMs / 1000);
}

interface Standing {
  readonly pipeline: Pipeline;
  readonly sources: readonly LogSource[];
  /** Names of the sources in which an earlier run has left a position. */
  readonly resumed: { has(name: string): boolean };
  readonly keeper: StateKeeper;
  readonly clock: Clock;
  readonly startedMs: number;
}

/** Values that are worked out when somebody asks come up to date here: the server asks before each answer. */
function createStatus({ pipeline, sources, resumed, keeper, clock, startedMs }: Standing): StatusView {
  pipeline.refreshMetrics();
  for (const source of sources) source.refreshMetrics(pipeline.metrics);
  pipeline.metrics.gauge('lotus_e2ee_watch_catching_up').set(Number(sources.some((source) => !source.hasCaughtUp)));
  const nowMs = clock.monotonicMs();
  return {
    version: VERSION,
    startedMs,
    ready: decideReadiness(sources.map((source) => standingOf(source, resumed.has(source.name), nowMs))),
    sources: sources.map((source) => source.view()),
    state: keeper.view,
  };
}

function standingOf(source: LogSource, isResumed: boolean, nowMs: number): SourceStanding {
  const { name, hasCaughtUp, hasReachedEnd, problem, problemSinceMs } = source;
  return {
    name,
    isResumed,
    hasCaughtUp,
    hasReachedEnd,
    problem: problem === null ? null : { text: problem, lastingMs: nowMs - problemSinceMs },
    progress: source.describeProgress(),
  };
}
