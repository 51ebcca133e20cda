/**
 * Time zone names: which ones this Node knows, and which one the machine is in. Names are IANA's ('Europe/Berlin', 'UTC').
 */

/** 'Europe/Berlin' → true. Offsets such as '+02:00', which Intl takes too, are refused: a log's zone changes with the season. */
export function isTimeZone(name: string): boolean {
  // Loading the zone data takes 15 ms; a log in UTC needs none.
  if (name === 'UTC') return true;
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The machine's zone, 'UTC' where it says none. Follows the variable TZ, as Synapse on the same machine does. */
export function machineTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
