/** Bytes that come by themselves, without a file to look at: the journal, standard input. Read by streamed-source.ts. */

/** What an input tells, in the order of events. */
export interface LiveReceiver {
  /** Bytes of the log. `mark`: where reading can go on behind them; undefined: nowhere. Bytes may be reused after the call. */
  take(bytes: Uint8Array, mark: string | undefined): void;
  /** It can't be read, `text` says why; tried again. */
  problem(text: string): void;
  recovered(): void;
  /** Something that was there can't be read any more. */
  gap(reason: string): void;
  /** All that was there at the start has come. */
  caughtUp(): void;
  /** There is no more, for good. */
  ended(): void;
}

export interface LiveInput {
  /** For a person: `journal (_SYSTEMD_UNIT=matrix-synapse.service)`. */
  readonly title: string;
  /** `mark`: of the last bytes that an earlier run was done with; without it from the first there are, or from those that come now. */
  start(from: 'beginning' | 'end', mark: string | undefined, receiver: LiveReceiver): void;
  stop(): void;
}
