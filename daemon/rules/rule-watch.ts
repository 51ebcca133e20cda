/**
 * Rules that can change while the daemon runs: loaded at start, loaded again when a file changed or somebody asks. All or nothing: what is
 * in use changes only when every file is in order and the whole set compiles; else the last good set stays and the problems are announced.
 *
 * Loads never overlap. Hints that come while one is under way lead to one more after it, and a hint after which all texts are as before
 * (editors write twice) leads to nothing.
 */
import { hash } from 'node:crypto';
import type { RulesEvent, RulesTrigger } from '../../src/events.ts';
import type { LoadedRules } from '../../src/rules/rule.ts';
import { type Checked, fileProblem, formatProblem } from '../config/problem.ts';
import { parseRuleTexts, type RuleLocations, readRuleTexts } from './rule-files.ts';
import type { RuleTexts } from './rule-folders.ts';

export interface RuleWatchOptions<T> {
  readonly locations: RuleLocations;
  /** Loaded rules → what is used, or why it can't be. Something it throws counts as a problem: a reload must not end the daemon. */
  compile(rules: LoadedRules): Checked<T>;
  /** A new set is in use (also the first). */
  onUse?(compiled: T): void;
  announce(event: RulesEvent): void;
}

export interface RuleWatch<T> {
  /** The last good set. */
  current(): T;
  /** Something may have changed: loads again if a text did. Returns at once. */
  hint(): void;
  /** Loads again in any case and says how it went (SIGHUP). After `close` it only says what is in use. */
  reload(): Promise<Checked<T>>;
  /** Resolves when every load asked for so far is done. */
  settled(): Promise<void>;
  /** No load begins after this; resolves when the one under way is done. */
  close(): Promise<void>;
}

/** Loads the first set. Its problems are handed back (at start they mean exit 78), not only announced. */
export async function openRuleWatch<T>(options: RuleWatchOptions<T>): Promise<Checked<RuleWatch<T>>> {
  const loader = new RuleLoader(options);
  const first = await loader.load('start');
  return first.ok ? { ok: true, value: loader.watch(first.value) } : first;
}

class RuleLoader<T> {
  readonly #options: RuleWatchOptions<T>;
  #digest = '';
  #ruleCount: number | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #isHinted = false;
  #isClosed = false;

  constructor(options: RuleWatchOptions<T>) {
    this.#options = options;
  }

  async load(trigger: RulesTrigger): Promise<Checked<T>> {
    const texts = readRuleTexts(this.#options.locations);
    this.#digest = digestOf(texts);
    const result = await this.#build(texts);
    if (!result.ok) {
      this.#options.announce({
        kind: 'rules_rejected',
        problems: result.problems.map(formatProblem),
        keptRuleCount: this.#ruleCount,
        trigger,
      });
      return result;
    }
    const { compiled, ruleCount } = result.value;
    this.#ruleCount = ruleCount;
    this.#options.onUse?.(compiled);
    this.#options.announce({ kind: 'rules_loaded', ruleCount, fileCount: texts.texts.length, trigger });
    return { ok: true, value: compiled };
  }

  watch(first: T): RuleWatch<T> {
    let current = first;
    const use = (result: Checked<T>): Checked<T> => {
      if (result.ok) current = result.value;
      return result;
    };
    return {
      current: () => current,
      hint: () => this.#hint(use),
      reload: () => this.#inTurn(async () => (this.#isClosed ? { ok: true, value: current } : use(await this.load('request')))),
      settled: () => this.#inTurn(async () => {}),
      close: () => {
        this.#isClosed = true;
        return this.#inTurn(async () => {});
      },
    };
  }

  #hint(use: (result: Checked<T>) => Checked<T>): void {
    if (this.#isHinted) return;
    this.#isHinted = true;
    void this.#inTurn(async () => {
      this.#isHinted = false; // from here on a change may be missed by the reading below, so it asks again
      if (this.#isClosed || digestOf(readRuleTexts(this.#options.locations)) === this.#digest) return;
      use(await this.load('change'));
    });
  }

  // One after another; a task that fails doesn't stop those behind it.
  #inTurn<R>(task: () => Promise<R>): Promise<R> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #build(texts: RuleTexts): Promise<Checked<{ readonly compiled: T; readonly ruleCount: number }>> {
    try {
      const loaded = await parseRuleTexts(texts, this.#options.locations);
      const compiled = loaded.ok ? this.#options.compile(loaded.value) : loaded;
      if (!loaded.ok || !compiled.ok) return { ok: false, problems: compiled.ok ? [] : compiled.problems };
      return { ok: true, value: { compiled: compiled.value, ruleCount: loaded.value.rules.length } };
    } catch (error) {
      return {
        ok: false,
        problems: [fileProblem('rules', `Cannot compile rules: ${error instanceof Error ? error.message : String(error)}`)],
      };
    }
  }
}

// Problems count: a file that has become unreadable is a change.
function digestOf({ texts, problems }: RuleTexts): string {
  return hash('sha256', JSON.stringify([texts, problems]), 'hex');
}
