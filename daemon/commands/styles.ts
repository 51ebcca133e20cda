/** What stands out on a terminal, and how; without colours nothing does. Texts must say the same without. */
export interface Styles {
  readonly heading: (text: string) => string;
  /** A fault, or something that isn't known. */
  readonly fault: (text: string) => string;
  readonly quiet: (text: string) => string;
}

// SGR codes (ECMA-48 8.3.117): bold, yellow, faint. No red: on a dark blue ground it can't be read, and faults of clients are no alarm.
const CODES = { heading: 1, fault: 33, quiet: 2 } as const;

export function createStyles(usesColour: boolean): Styles {
  const style =
    (code: number) =>
    (text: string): string =>
      usesColour && text !== '' ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { heading: style(CODES.heading), fault: style(CODES.fault), quiet: style(CODES.quiet) };
}
