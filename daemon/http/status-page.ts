/**
 * The landing page: what the watcher reads, what it found in short, and where the rest is.
 *
 * In: a StatusReport. Out: one HTML page, no script, no outside asset, style of its own (allowed by its hash in server.ts).
 * Invariant: every text that isn't from this file goes through `escapeHtml`: paths and reasons can hold anything.
 */

import { countText } from '../count-text.ts';
import type { Headline, SourceView, StatusReport } from './status-view.ts';

/** Content of the page's one style element, to the byte: its hash stands in the content security policy. */
export const STATUS_PAGE_STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --bad: #b3261e; --good: #1b7f3b; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #7bd88f; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
p { margin: .25rem 0; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .75rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: .75rem; align-items: start; }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; background: var(--soft); }
.path { font: .85rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; opacity: .8; }
dl { display: grid; grid-template-columns: auto minmax(6rem, 1fr); gap: .1rem 1rem; margin: .5rem 0 0; }
dt { opacity: .8; }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.good { color: var(--good); }
.bad { color: var(--bad); font-weight: 600; }
`;

/** The page as a whole, for any report. */
export function renderStatusPage(report: StatusReport): string {
  const { ready, version, startedMs, sources, headline } = report;
  const state = ready.isReady ? '<span class="good">Ready</span>' : `<span class="bad">Not ready</span>: ${escapeHtml(ready.reason)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>lotus-e2ee-watch</title>
<style>${STATUS_PAGE_STYLE}</style>
</head>
<body>
<h1>lotus-e2ee-watch</h1>
<p>Watches a Synapse log for end-to-end encryption faults. Version ${escapeHtml(version)}, started ${formatTime(startedMs)}.</p>
<p role="status">${state}</p>
<nav>
<a href="/metrics">Metrics</a>
<a href="/api/v1/status">Status as JSON</a>
<a href="/-/healthy">Healthy</a>
<a href="/-/ready">Ready</a>
</nav>
<h2>Found so far</h2>
<div class="cards">
${renderHeadline(headline)}
</div>
<h2>Sources</h2>
<div class="cards">
${sources.length > 0 ? sources.map(renderSource).join('\n') : '<p>None.</p>'}
</div>
</body>
</html>
`;
}

function renderHeadline(headline: Headline): string {
  return [
    renderCard('One-time keys', [
      ['conflicts', formatCount(headline.otkConflicts, isBad)],
      ['storms now', formatCount(headline.activeStorms, isBad)],
      ['poisoned claims', formatCount(headline.poisonedClaims, isBad)],
    ]),
    renderCard(
      'Devices',
      countRows(headline.devices, (state) => state === 'storm' || state === 'dormant'),
    ),
    renderCard(
      'To-device messages',
      countRows(headline.toDeviceMessages, (stage) => stage === 'dropped'),
    ),
    renderCard('Delayed events', [
      ...countRows(headline.delayedEventRequests, () => false),
      ...countRows(headline.delayedEventClientTimeouts, () => true).map(([name, count]): Row => [`timeout, ${name}`, count]),
      ['drops', formatCount(headline.delayedEventDrops, isBad)],
    ]),
    renderCard('Log', [['untrusted records', formatCount(headline.untrustedRecords, isBad)]]),
  ].join('\n');
}

function renderSource(source: SourceView): string {
  const rows: readonly Row[] = [
    ['state', escapeHtml(source.state)],
    ['format', escapeHtml(source.format)],
    ['last record', source.lastRecordMs === null ? 'none yet' : formatTime(source.lastRecordMs)],
    ['lines', formatCount(source.lines)],
    ['bytes', formatCount(source.bytes)],
    ['unread bytes', formatCount(source.unreadBytes)],
    ['records', formatCount(source.records)],
    ['access lines', formatCount(source.accessLines)],
    ['unrecognised', formatCount(source.unrecognised, isBad)],
  ];
  return `<section class="card"><h3>${escapeHtml(source.name)}</h3><p class="path">${escapeHtml(source.path)}</p>${renderRows(rows)}</section>`;
}

/** A name, as it is, and its value, as HTML. */
type Row = readonly [name: string, valueHtml: string];

/** Nothing where there is nothing to say. */
function renderCard(title: string, rows: readonly Row[]): string {
  return rows.length === 0 ? '' : `<section class="card"><h3>${title}</h3>${renderRows(rows)}</section>`;
}

function renderRows(rows: readonly Row[]): string {
  return `<dl>${rows.map(([name, valueHtml]) => `<dt>${escapeHtml(name)}</dt><dd>${valueHtml}</dd>`).join('')}</dl>`;
}

function countRows(counts: Readonly<Record<string, number>>, isFault: (name: string) => boolean): readonly Row[] {
  return Object.entries(counts).map(
    ([name, count]): Row => [name.replaceAll('_', ' '), formatCount(count, (value) => isFault(name) && isBad(value))],
  );
}

function isBad(count: number): boolean {
  return count > 0;
}

/** Example `12,345`; marked where `isMarked` says so; null is what this version doesn't count. */
function formatCount(count: number | null, isMarked: (count: number) => boolean = () => false): string {
  if (count === null) return 'not counted yet';
  const text = countText(count);
  return isMarked(count) ? `<span class="bad">${text}</span>` : text;
}

/** Milliseconds since 1970 as `2026-06-30 12:00:00 UTC`; `unknown` for what no date can be. */
function formatTime(timeMs: number): string {
  const date = new Date(timeMs);
  if (Number.isNaN(date.getTime())) return 'unknown';
  const iso = date.toISOString();
  return `<time datetime="${iso}">${iso.slice(0, -5).replace('T', ' ')} UTC</time>`;
}

const HTML_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.toWellFormed().replaceAll(/[&<>"']/g, (character) => HTML_ESCAPES[character] ?? '');
}
