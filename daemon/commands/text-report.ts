/**
 * What an operator wants to read first: an analysis as text. In: the object of `analyze --json`. Out: lines for a terminal or a file, in this
 * order: the verdict, what was read, the four faults in plain words with their numbers, what couldn't be read.
 *
 * Invariants: no line is wider than `columns` (prose: 40 at least, tables: 80); texts of the log are shown by showText only; nothing is called healthy: "none was
 * seen" is all that a log can say, and where it can't even say that, the report says "blind".
 */
import type { Analysis } from '../../src/analysis.ts';
import { MAX_CONFLICT_IDS } from '../../src/devices/device-table.ts';
import { MAX_LINE_BYTES } from '../../src/lines/chunk-consumer.ts';
import { STANDARD_INPUT } from '../sources/whole-file-reader.ts';
import { createReportTimes, type ReportTimes } from './report-times.ts';
import { createStyles, type Styles } from './styles.ts';
import { showText, wrapText } from './terminal-text.ts';
import { renderTable, type TableColumn } from './text-table.ts';
import { describeVerdict } from './verdict-section.ts';

export interface TextReportOptions {
  /** IANA name of the log's zone; times are shown in it. */
  readonly timeZone: string;
  readonly usesColour: boolean;
  /** Of the terminal; below 80 counts as 80. */
  readonly columns: number;
}

/** Rows of the table of devices. Chosen: one screen. */
const MAX_DEVICE_ROWS = 20;
/** Rows of the other tables and lists. */
const MAX_ROWS = 10;
/** A table of less can't be read; a narrow window folds it. */
const LEAST_TABLE_COLUMNS = 80;
/** A phone's window. */
const LEAST_PROSE_COLUMNS = 40;
/** Lines of prose beyond this are hard to read, however wide the terminal. */
const MOST_PROSE_COLUMNS = 100;
/** Longest text of the log in a sentence. */
const TEXT_COLUMNS = 60;
const INDENT = '  ';

/** Ends with a newline. */
export function renderTextReport(analysis: Analysis, { timeZone, usesColour, columns }: TextReportOptions): string {
  const page = createPage(columns, createStyles(usesColour));
  const times = createReportTimes(timeZone, analysis.sources);
  const sections = [
    describeVerdict(analysis, page),
    describeInput(analysis, page, times),
    describeRefusals(analysis, page, times),
    describeToDevice(analysis, page),
    describeRedactions(analysis, page),
    describeDelayedEvents(analysis, page),
    describeUnread(analysis, page),
    describeLimits(page),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** How a section is laid out. Texts that come in are visible ones. */
export interface Page {
  readonly styles: Styles;
  heading(text: string): string;
  /** A paragraph. */
  say(text: string, style?: (line: string) => string): string[];
  /** At most `maxRows` rows, then how many more there are; `what` names them: `devices`. */
  table(columns: readonly TableColumn[], rows: readonly (readonly string[])[], maxRows: number, what: string): string[];
}

function createPage(columns: number, styles: Styles): Page {
  const proseWidth = Math.min(Math.max(LEAST_PROSE_COLUMNS, columns), MOST_PROSE_COLUMNS) - INDENT.length;
  const tableWidth = Math.max(LEAST_TABLE_COLUMNS, columns) - 2 * INDENT.length;
  const say = (text: string, style = (line: string) => line): string[] => wrapText(text, proseWidth).map((line) => INDENT + style(line));
  return {
    styles,
    say,
    heading: (text) => styles.heading(text),
    table: (tableColumns, rows, maxRows, what) => {
      const lines = renderTable(tableColumns, rows.slice(0, maxRows), { width: tableWidth, titleStyle: styles.quiet });
      const rest = rows.length - maxRows;
      return [
        ...lines.map((line) => INDENT + INDENT + line),
        ...(rest > 0 ? say(`${INDENT}… and ${formatCount(rest)} more ${what}`, styles.quiet) : []),
      ];
    },
  };
}

function describeInput({ sources }: Analysis, page: Page, times: ReportTimes): string[] {
  const columns: readonly TableColumn[] = [
    { title: 'file', canShrink: true },
    { title: 'format' },
    { title: 'lines', align: 'right' },
    { title: 'records', align: 'right' },
    { title: 'requests', align: 'right' },
    { title: 'processes', align: 'right' },
  ];
  const rows = sources.map(({ path, format, lines, records, accessLines, incarnations }) => [
    nameOf(path),
    format,
    ...[lines, records, accessLines, incarnations].map(formatCount),
  ]);
  return [
    page.heading('What was read'),
    ...page.table(columns, rows, MAX_ROWS, 'files'),
    ...times.describePeriod().flatMap((line) => page.say(line)),
  ];
}

type Device = Analysis['devices'][number];

function describeRefusals(analysis: Analysis, page: Page, times: ReportTimes): string[] {
  const { devices, unattributed } = analysis;
  const refused = devices.filter(({ conflicts }) => conflicts.count > 0).sort((a, b) => b.conflicts.count - a.conflicts.count);
  const total = sumOf(refused, ({ conflicts }) => conflicts.count) + unattributed.conflicts;
  const accepted = sumOf(devices, ({ keyUploads }) => keyUploads.accepted);
  const lines = [page.heading('KE-1  One-time keys that the server refuses')];
  if (total === 0)
    lines.push(
      ...page.say(isBlind(analysis) ? 'No refusal was seen.' : `No refusal was seen; uploads accepted: ${formatCount(accepted)}.`),
    );
  else {
    const whose = refused.length === 0 ? 'no line says of which device' : `of ${countOf(refused.length, 'device', 'devices')}`;
    const text = `${countOf(total, 'refusal', 'refusals')}, ${whose}: the server holds another key under an id that the upload offers, so none of its one-time keys is stored.`;
    lines.push(
      ...page.say(text, page.styles.fault),
      ...page.table(
        deviceColumns(times),
        refused.map((device) => deviceRow(device, times)),
        MAX_DEVICE_ROWS,
        'devices',
      ),
    );
    if (refused.length > 0 && unattributed.conflicts > 0)
      lines.push(...page.say(`${formatCount(unattributed.conflicts)} of them name no device.`));
  }
  lines.push(...describeOtherUploads(analysis, page), ...describeClaims(devices, page));
  if (isBlind(analysis))
    lines.push(...page.say('Blind: no access line was read, so what became of the uploads is not known.', page.styles.fault));
  return lines;
}

function deviceColumns(times: ReportTimes): readonly TableColumn[] {
  return [
    { title: 'user', canShrink: true },
    { title: 'device', canShrink: true },
    { title: 'refused', align: 'right' },
    { title: 'accepted', align: 'right' },
    { title: 'ids', align: 'right' },
    { title: `first ${times.title}` },
    { title: `last ${times.title}` },
  ];
}

function deviceRow({ userId, deviceId, conflicts, keyUploads }: Device, times: ReportTimes): readonly string[] {
  const { count, keyIds, firstTime, lastTime } = conflicts;
  const distinctIds = keyIds.length < MAX_CONFLICT_IDS ? formatCount(keyIds.length) : `${formatCount(MAX_CONFLICT_IDS)}+`;
  return [
    showText(userId, TEXT_COLUMNS),
    showText(deviceId, TEXT_COLUMNS),
    formatCount(count),
    formatCount(keyUploads.accepted),
    distinctIds,
    times.format(firstTime),
    times.format(lastTime),
  ];
}

function describeOtherUploads({ devices, unattributed }: Analysis, page: Page): string[] {
  const count = (outcome: 'rejected' | 'clientGaveUp' | 'failed'): number =>
    sumOf(devices, ({ keyUploads }) => keyUploads[outcome]) + unattributed[outcome];
  const parts = [
    [count('rejected'), 'rejected for another reason (4xx)'],
    [count('clientGaveUp'), 'given up by the client'],
    [count('failed'), 'failed in the server (5xx)'],
  ] as const;
  const said = parts.filter(([number]) => number > 0).map(([number, text]) => `${formatCount(number)} ${text}`);
  return said.length === 0 ? [] : page.say(`Other uploads: ${said.join(', ')}.`);
}

function describeClaims(devices: readonly Device[], page: Page): string[] {
  const oneTime = sumOf(devices, ({ claims }) => claims.oneTime);
  const again = sumOf(devices, ({ claims }) => claims.fallback);
  if (oneTime + again === 0) return page.say('Keys handed out to others: none seen.');
  const targets = devices.filter(({ claims }) => claims.oneTime + claims.fallback > 0).length;
  const text = `Keys handed out to others: ${formatCount(oneTime + again)}, of ${countOf(targets, 'device', 'devices')}.`;
  if (again === 0) return page.say(text);
  return page.say(
    `${text} ${formatCount(again)} of them under an id that was handed out before: a fallback key (the device has no one-time keys left), or a database that was restored.`,
  );
}

function describeToDevice(analysis: Analysis, page: Page): string[] {
  const { sends, sendsFailed, mediaKeySends, stored, returned, dropped } = analysis.toDevice;
  const types = Object.entries(sends).sort(([, a], [, b]) => b - a);
  const accepted = sumOf(types, ([, count]) => count);
  const lines = [page.heading('KE-2  Call keys (to-device messages)')];
  if (isBlind(analysis)) lines.push(...page.say('Blind: no access line was read, so what was sent is not known.', page.styles.fault));
  else if (accepted + sendsFailed === 0) lines.push(...page.say('No send was seen.'));
  else {
    lines.push(
      ...page.say(
        `Sends accepted: ${formatCount(accepted)}, ${formatCount(mediaKeySends)} of them with a key of a call (by their transaction id).`,
      ),
    );
    const columns: readonly TableColumn[] = [
      { title: 'type', canShrink: true },
      { title: 'sends', align: 'right' },
    ];
    lines.push(
      ...page.table(
        columns,
        types.map(([type, count]) => [showText(type, TEXT_COLUMNS), formatCount(count)]),
        MAX_ROWS,
        'types',
      ),
    );
    lines.push(...page.say(`Sends failed: ${formatCount(sendsFailed)}.`, sendsFailed > 0 ? page.styles.fault : undefined));
  }
  if (stored + returned + dropped === 0)
    return [...lines, ...page.say('Stored, returned, dropped: not logged at INFO: needs the DEBUG logger synapse.9533_debug.')];
  const text = `Messages stored: ${formatCount(stored)}; returned by a /sync: ${formatCount(returned)}; dropped (unknown device): ${formatCount(dropped)}.`;
  return [...lines, ...page.say(text, dropped > 0 ? page.styles.fault : undefined)];
}

function describeRedactions({ redactions }: Analysis, page: Page): string[] {
  return [
    page.heading('KE-3  Events that only look undecryptable'),
    ...page.say(
      `Synapse logs nothing of a "missing algorithm"; only the console of the client that meets it names the event. Redactions, one possible reason, stand in the log: ${redactions} seen.`,
    ),
  ];
}

function describeDelayedEvents(analysis: Analysis, page: Page): string[] {
  const { requests, clientTimeouts } = analysis.delayedEvents;
  const lines = [page.heading('KE-4  Delayed events (who is in a call)')];
  const actions = Object.entries(requests);
  const total = sumOf(actions, ([, outcomes]) => sumOf(Object.values(outcomes), (count) => count));
  if (isBlind(analysis))
    return [...lines, ...page.say('Blind: no access line was read, so what clients asked for is not known.', page.styles.fault)];
  if (total === 0) return [...lines, ...page.say('No request was seen.')];
  const isUsed = ([action, outcomes]: (typeof actions)[number]): boolean =>
    action !== 'unknown' || sumOf(Object.values(outcomes), (count) => count) > 0;
  const bad = { align: 'right', style: (cell: string, raw: string) => (raw === '0' ? cell : page.styles.fault(cell)) } as const;
  const columns: readonly TableColumn[] = [
    { title: 'action' },
    { title: 'ok', align: 'right' },
    { title: 'client gave up', ...bad },
    { title: 'rate-limited', ...bad },
    { title: 'not found', ...bad },
    { title: 'failed', ...bad },
  ];
  const rows = actions
    .filter(isUsed)
    .map(([action, { ok, clientGaveUp, rateLimited, notFound, failed }]) => [
      action,
      ...[ok, clientGaveUp, rateLimited, notFound, failed].map((count) => formatCount(count ?? 0)),
    ]);
  lines.push(...page.table(columns, rows, MAX_ROWS, 'actions'));
  if (requests['unknown'] !== undefined && rows.some(([action]) => action === 'unknown'))
    lines.push(...page.say('unknown: the older form of the request, with its action in the body.'));
  const { homeserver_slow: slow, homeserver_healthy: quick, unknown } = clientTimeouts;
  if (slow + quick + unknown === 0) return lines;
  const reasons = `homeserver slow ${formatCount(slow)}, homeserver quick enough ${formatCount(quick)}, not known ${formatCount(unknown)}`;
  return [...lines, ...page.say(`Clients gave up ${countOf(slow + quick + unknown, 'time', 'times')}: ${reasons}.`, page.styles.fault)];
}

function describeUnread({ sources }: Analysis, page: Page): string[] {
  const { fault } = page.styles;
  const lines = sources.flatMap(({ path, lines: lineCount, records, accessLines, cutLines, gaps }) => {
    const name = nameOf(path);
    const said: string[] = gaps.map(({ problem }) => `${showText(problem, 4 * TEXT_COLUMNS)}.`);
    if (lineCount === 0) said.push(`${name}: no line of it was read.`);
    else if (records === 0) said.push(`${name}: none of its ${countOf(lineCount, 'line', 'lines')} is a record of Synapse's.`);
    else if (accessLines === 0)
      said.push(
        `${name}: blind: no access line in ${countOf(records, 'record', 'records')}: the logger synapse.access is above INFO (or this process serves no requests).`,
      );
    if (cutLines > 0) said.push(`${name}: ${countOf(cutLines, 'line was', 'lines were')} cut at ${MAX_LINE_BYTES / 1024} KiB.`);
    return said.flatMap((text) => page.say(text, fault));
  });
  const reasons = new Map<string, number>();
  for (const { unrecognised } of sources)
    for (const [reason, count] of Object.entries(unrecognised)) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  const rows = [...reasons].sort(([, a], [, b]) => b - a).map(([reason, count]) => [showText(reason, TEXT_COLUMNS), formatCount(count)]);
  if (rows.length > 0)
    lines.push(
      ...page.say('In a form that this version does not know:', fault),
      ...page.table(
        [
          { title: 'what', canShrink: true },
          { title: 'times', align: 'right' },
        ],
        rows,
        MAX_ROWS,
        'forms',
      ),
    );
  return [
    page.heading('Not read, or not recognised'),
    ...(lines.length > 0 ? lines : page.say('Nothing: every line was read and has a known form.')),
  ];
}

function describeLimits(page: Page): string[] {
  return [...page.say('What no line says is not known.'), ...page.say('So a report without a fault does not say that all is well.')];
}

function nameOf(path: string): string {
  return path === STANDARD_INPUT ? 'standard input' : showText(path, TEXT_COLUMNS);
}

/** Requests are what most numbers rest on. */
function isBlind({ sources }: Analysis): boolean {
  return sources.every(({ accessLines }) => accessLines === 0);
}

function sumOf<T>(items: readonly T[], measure: (item: T) => number): number {
  return items.reduce((sum, item) => sum + measure(item), 0);
}

/** `1 device`, `12,345 devices`. */
function countOf(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}
