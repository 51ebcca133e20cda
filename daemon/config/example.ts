/**
 * The commented example of the configuration file, made from the schema: every key, what it means, its default. Written to
 * deploy/config.example.yml and compared there by a test.
 *
 * Keys with a default stand live, so the file as it is means exactly the defaults; keys without one (what the machine or the file
 * decides) are commented out as '#key: value' and become valid by taking the '#' away.
 */
import { configJsonSchema } from './config-schema.ts';

// The part of JSON Schema that our schema uses.
interface Described {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
}

// Comments are wrapped so that the file reads well in a terminal.
const COMMENT_WIDTH = 100;

const HEADER = [
  '# lotus-e2ee-watch: configuration. Every key may be left out; the values below are the defaults.',
  '# Check a changed file with: lotus-e2ee-watch check --config FILE',
];

/** The whole file's text, ending in a newline. */
export function exampleConfig(): string {
  const root = configJsonSchema() as Described;
  return `${[...HEADER, ...properties(root, '', true)].join('\n')}\n`;
}

// Sections stand apart by an empty line; keys within a section don't.
function properties(schema: Described, indent: string, isTop: boolean): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => [
    ...(isTop ? [''] : []),
    ...comment(property.description ?? '', indent),
    ...entry(key, property, indent),
  ]);
}

function entry(key: string, property: Described, indent: string): readonly string[] {
  if (property.properties !== undefined) return [`${indent}${key}:`, ...properties(property, `${indent}  `, false)];
  if (property.items?.properties !== undefined) return [`${indent}${key}:`, ...listEntry(property, indent)];
  if (property.default === undefined) return [`${indent}#${key}: ${scalar(property.examples?.[0])}`];
  return [`${indent}${key}: ${scalar(property.default)}`];
}

// One entry of a list of mappings: its first key opens it with '- ', under that key's comment.
function listEntry(list: Described, indent: string): readonly string[] {
  const first = (Array.isArray(list.default) ? list.default[0] : {}) as Readonly<Record<string, unknown>>;
  const keys = Object.entries(list.items?.properties ?? {}).map(([key, property]): [string, Described] => [
    key,
    Object.hasOwn(first, key) ? { ...property, default: first[key] } : property,
  ]);
  const lines = properties({ properties: Object.fromEntries(keys) }, `${indent}    `, false);
  const opening = lines.findIndex((line) => !line.trimStart().startsWith('#'));
  return lines.map((line, index) => (index === opening ? `${indent}  - ${line.trimStart()}` : line));
}

function comment(text: string, indent: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && indent.length + last.length + word.length + 3 <= COMMENT_WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.filter((line) => line !== '').map((line) => `${indent}# ${line}`);
}

// '127.0.0.1:9464' needs no quotes, '[::1]:9464' does; JSON is YAML.
function scalar(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z0-9/][\w./:-]*$/.test(value) ? value : JSON.stringify(value);
}
