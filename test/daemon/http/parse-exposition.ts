/**
 * A strict reader of both exposition formats, for tests only.
 *
 * In: a body. Out: its families and samples. It throws at the first line that neither format allows, at a sample outside of its
 * family's block, and at a series that occurs twice: a scraper would fail or, worse, warn only. Rules: prometheus/docs
 * "exposition_formats", OpenMetrics 1.0 "Text format".
 */

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar?: { readonly labels: Readonly<Record<string, string>>; readonly value: number; readonly timestamp: number | null };
}

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

export function parseExposition(body: string, format: 'text' | 'openmetrics'): ReadonlyMap<string, ParsedFamily> {
  const families = new Map<string, { name: string; type: string; help: string; samples: ParsedSample[] }>();
  const seen = new Set<string>();
  let current: { name: string; type: string; help: string; samples: ParsedSample[] } | null = null;
  const lines = linesOf(body, format);
  for (const line of lines) {
    if (line === '' && format === 'text') continue;
    const meta = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line);
    if (meta) {
      const [, kind, name = '', text = ''] = meta;
      if (kind === 'HELP') {
        if (families.has(name)) throw new Error(`family twice: ${name}`);
        if (format === 'openmetrics' && text.includes('"')) throw new Error(`unescaped quote in help: ${line}`);
        current = { name, type: '', help: text, samples: [] };
        families.set(name, current);
      } else if (current?.name === name && !current.type) current.type = text;
      else throw new Error(`TYPE out of place: ${line}`);
      continue;
    }
    const sample = parseSample(line, format);
    if (!current || !belongsTo(sample.name, current, format)) throw new Error(`sample outside of its family: ${line}`);
    const series = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(series)) throw new Error(`series twice: ${line}`);
    seen.add(series);
    current.samples.push(sample);
  }
  return families;
}

function linesOf(body: string, format: 'text' | 'openmetrics'): readonly string[] {
  if (!body.endsWith('\n')) throw new Error('no newline at the end');
  const lines = body.slice(0, -1).split('\n');
  if (format === 'text') return lines;
  if (lines.pop() !== '# EOF') throw new Error('no # EOF at the end');
  return lines;
}

function belongsTo(name: string, family: { name: string; type: string }, format: 'text' | 'openmetrics'): boolean {
  if (family.type === 'histogram') return ['_bucket', '_sum', '_count'].some((suffix) => name === family.name + suffix);
  if (family.type === 'counter' && format === 'openmetrics') return name === `${family.name}_total`;
  return name === family.name;
}

function parseSample(line: string, format: 'text' | 'openmetrics'): ParsedSample {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0];
  if (!name) throw new Error(`no metric name: ${line}`);
  const { labels, end } = parseLabels(line, name.length);
  const rest = /^ (\S+)(?: # (.*))?$/s.exec(line.slice(end));
  if (!rest) throw new Error(`no value: ${line}`);
  const sample = { name, labels, value: parseNumber(rest[1] ?? '', line) };
  if (rest[2] === undefined) return sample;
  if (format === 'text') throw new Error(`exemplar in text: ${line}`);
  const exemplarLabels = parseLabels(rest[2], 0);
  const numbers = /^ (\S+)(?: (\S+))?$/.exec(rest[2].slice(exemplarLabels.end));
  if (!numbers) throw new Error(`bad exemplar: ${line}`);
  const timestamp = numbers[2] === undefined ? null : parseNumber(numbers[2], line);
  return { ...sample, exemplar: { labels: exemplarLabels.labels, value: parseNumber(numbers[1] ?? '', line), timestamp } };
}

function parseLabels(line: string, start: number): { labels: Record<string, string>; end: number } {
  const labels: Record<string, string> = {};
  if (line[start] !== '{') return { labels, end: start };
  let at = start + 1;
  while (line[at] !== '}') {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"/s.exec(line.slice(at));
    if (!match) throw new Error(`bad label at ${at}: ${line}`);
    const [whole, name = '', value = ''] = match;
    if (name in labels) throw new Error(`label twice: ${line}`);
    labels[name] = value.replaceAll(/\\(.)/gs, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    at += whole.length;
    if (line[at] === ',' && line[at + 1] !== '}') at++;
    else if (line[at] !== '}') throw new Error(`no comma at ${at}: ${line}`);
  }
  return { labels, end: at + 1 };
}

function parseNumber(text: string, line: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  if (!/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) throw new Error(`bad number "${text}": ${line}`);
  return Number(text);
}
