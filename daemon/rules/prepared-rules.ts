/**
 * The built-in rule files' contents as JSON (rules/built-in.json), so that a start needs neither yaml nor zod: those cost about 100 ms
 * of CPU, this 2 ms (measured, see test/daemon/rules/start-up.test.ts).
 *
 * The JSON can't be stale: each file's content is kept under the SHA-256 of its text, and a file whose text has another one is parsed
 * from its YAML. The YAML files are the truth; without the JSON all works, only later.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatProblem } from '../config/problem.ts';
import { joinRuleFiles, type RuleFileContent } from './join-rule-files.ts';
import { builtInRulesFolder, type RuleText, readBuiltInTexts } from './rule-folders.ts';

/** The generated file's name in the built-in folder. */
export const PREPARED_FILE_NAME = 'built-in.json';

// Counts up when RuleFileContent changes its shape.
const PREPARED_SCHEMA = 'lotus-e2ee-watch/built-in-rules@1';

interface PreparedRules {
  readonly schema: string;
  readonly files: readonly PreparedFile[];
}

interface PreparedFile extends RuleFileContent {
  /** SHA-256 of the file's text, in hex. */
  readonly digest: string;
}

/** Contents of those texts whose digest the JSON has under their name; empty where there is no JSON, or a damaged or foreign one. */
export function preparedContents(folder: string, texts: readonly RuleText[]): ReadonlyMap<RuleText, RuleFileContent> {
  const prepared = new Map(readPrepared(folder).map((file) => [file.file, file]));
  return new Map(
    texts.flatMap((text): readonly [RuleText, RuleFileContent][] => {
      const content = prepared.get(text.file);
      return content !== undefined && content.digest === digestOf(text.text) ? [[text, content]] : [];
    }),
  );
}

/**
 * The text that rules/built-in.json must have. The gate "generated files up to date" compares it; writing it there is how rules are
 * released. Throws an Error that lists the problems if the folder's rules aren't in order.
 */
export async function builtInRules(folder = builtInRulesFolder()): Promise<string> {
  const { createRuleFileParser } = await import('./rule-schema.ts');
  const parseRuleFile = createRuleFileParser();
  const { texts, problems } = readBuiltInTexts(folder);
  const parsed = texts.map(({ file, text }) => ({ digest: digestOf(text), ...parseRuleFile(text, file) }));
  const joined = joinRuleFiles(
    parsed.map((file) => file.content),
    true,
  );
  const all = [...problems, ...parsed.flatMap((file) => file.problems), ...(joined.ok ? [] : joined.problems)];
  if (all.length > 0) throw new Error(`Cannot prepare rules in "${folder}":\n${all.map(formatProblem).join('\n')}`);
  const prepared: PreparedRules = { schema: PREPARED_SCHEMA, files: parsed.map(({ digest, content }) => ({ digest, ...content })) };
  return `${JSON.stringify(prepared, undefined, 2)}\n`;
}

function readPrepared(folder: string): readonly PreparedFile[] {
  try {
    const prepared = JSON.parse(readFileSync(join(folder, PREPARED_FILE_NAME), 'utf8')) as PreparedRules | null;
    return prepared?.schema === PREPARED_SCHEMA ? prepared.files : [];
  } catch {
    return []; // the YAML files say the same
  }
}

function digestOf(text: string): string {
  return hash('sha256', text, 'hex');
}
