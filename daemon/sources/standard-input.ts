/** Standard input as a source of `run`: `docker logs --follow synapse | lotus-e2ee-watch run -`. What was read once is gone: there are no marks. */
import type { LiveInput, LiveReceiver } from './live-input.ts';

/** The part of a readable stream that is used. */
export interface InputStream {
  on(event: 'data', listener: (bytes: Uint8Array) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  pause(): unknown;
}

export class StandardInput implements LiveInput {
  readonly title = 'standard input';
  readonly #stream: InputStream;
  #receiver: LiveReceiver | undefined;

  constructor(stream: InputStream) {
    this.#stream = stream;
  }

  start(_from: 'beginning' | 'end', _mark: string | undefined, receiver: LiveReceiver): void {
    this.#receiver = receiver;
    // How much is in the pipe already, nobody can know.
    receiver.caughtUp();
    this.#stream.on('data', (bytes) => this.#receiver?.take(bytes, undefined));
    this.#stream.on('end', () => this.#end());
    this.#stream.on('error', ({ message }) => {
      this.#receiver?.problem(`Cannot read standard input: ${message}`);
      this.#end();
    });
  }

  stop(): void {
    this.#receiver = undefined;
    this.#stream.pause();
  }

  #end(): void {
    this.#receiver?.ended();
    this.#receiver = undefined;
  }
}
