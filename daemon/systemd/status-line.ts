/** The daemon's state in one line, for `systemctl status`. In: the view that the status page shows. Out: `following homeserver.log, 12,345 lines`. */
import { countText } from '../count-text.ts';
import type { StatusView } from '../http/status-view.ts';

/** States in which nothing is wrong. */
const UNTROUBLED: ReadonlySet<string> = new Set(['following', 'catching up', 'ended']);

/** Sources named; further ones are counted. `systemctl status` shows one line. */
const MAX_NAMED = 3;

export function describeService({ ready, sources }: StatusView): string {
  if (ready.isReplaying) return ready.reason;
  const troubled = sources.filter(({ state }) => !UNTROUBLED.has(state));
  const lines = sources.reduce((sum, source) => sum + source.lines, 0);
  const seen = `${countText(lines)} lines`;
  if (troubled.length === 0) return `following ${list(sources.map(({ name }) => name))}, ${seen}`;
  return `${troubled.length} of ${sources.length} sources can't be read: ${list(troubled.map(({ name, state }) => `${name} (${state})`))}; ${seen}`;
}

function list(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
