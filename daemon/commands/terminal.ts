/** What a command writes to, and what that can show. Commands get it as a parameter; main.ts makes it of the process. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  readonly isOutTerminal: boolean;
  readonly isErrTerminal: boolean;
  readonly usesColour: boolean;
  readonly columns: number;
}

/** Exit codes; 78 is EX_CONFIG of sysexits.h. */
export const EXIT = { done: 0, failed: 1, usage: 2, config: 78 } as const;
