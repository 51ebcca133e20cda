/**
 * A model of a client's crypto account: a counter of keys, the private halves it has, and what it hasn't published yet. While unpublished keys exist it makes
 * no new ones, and it sends its device keys until they succeed once (e2ee-evidence 2.3).
 */
import { ModelServer, type OfferedKey } from './model-server.ts';

/** Gives numbers, each once: a world has its own, so that a seed always gives the same log. */
export type Numbering = () => number;

export class Account {
  readonly identity: string;
  readonly #number: Numbering;
  #next = 0;
  readonly privates = new Set<string>();
  #unpublished: OfferedKey[] = [];
  #isShared = false;
  #fallback: OfferedKey | null = null;

  constructor(number: Numbering, identity: string | null = null) {
    this.#number = number;
    this.identity = identity ?? `identity${number()}`;
    if (identity !== null) return;
    this.#fallback = this.#make(0, 'fallback');
    this.#generate(50);
  }

  /** The store's copy: what is written back when a profile is restored, or what a second tab has read. */
  copy(): Account {
    const copy = new Account(this.#number, this.identity);
    copy.#next = this.#next;
    for (const value of this.privates) copy.privates.add(value);
    copy.#unpublished = [...this.#unpublished];
    copy.#isShared = this.#isShared;
    copy.#fallback = this.#fallback;
    return copy;
  }

  /** What is to be uploaded, by the count that the server tells; null: nothing. */
  pending(
    count: number,
  ): { readonly keys: readonly OfferedKey[]; readonly identity: string | null; readonly fallback: OfferedKey | null } | null {
    if (this.#unpublished.length === 0 && count < 50) this.#generate(50 - count);
    if (this.#unpublished.length === 0 && this.#isShared) return null;
    return { keys: this.#unpublished, identity: this.#isShared ? null : this.identity, fallback: this.#isShared ? null : this.#fallback };
  }

  noteStored(): void {
    this.#unpublished = [];
    this.#isShared = true;
  }

  #generate(count: number): void {
    for (let i = 0; i < count; i++) this.#unpublished.push(this.#make(this.#next++, 'key'));
  }

  #make(counter: number, what: string): OfferedKey {
    // Another account, or another branch of the same one, makes another key under the same counter.
    const value = `${this.identity}.${what}${counter}.${this.#number()}`;
    this.privates.add(value);
    return { id: ModelServer.keyId(counter), value };
  }
}
