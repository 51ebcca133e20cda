/** The part of tail-file's interface that is used; it has no types of its own. */
declare module 'tail-file' {
  // biome-ignore lint/style/noDefaultExport: that is how the package exports it
  export default class TailFile {
    constructor(path: string);
    on(event: 'line', listener: (line: string) => void): void;
    /** It never throws, it emits. */
    on(event: 'error', listener: (error: unknown) => void): void;
    startP(): Promise<void>;
    findStart(match: RegExp, compare: (found: string) => number): Promise<void>;
    stop(): Promise<void>;
  }
}
