// A folder of rule files for one test, removed when the test is over, and rules to put there.

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RuleFolder extends AsyncDisposable {
  readonly path: string;
  write(name: string, text: string): Promise<void>;
  /** As most editors do it: a new file is renamed over the old one. */
  replace(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}

/** An empty folder. */
export async function emptyRuleFolder(): Promise<RuleFolder> {
  const path = await mkdtemp(join(tmpdir(), 'lotus-rules-'));
  return {
    path,
    write: (name, text) => writeFile(join(path, name), text),
    replace: async (name, text) => {
      await writeFile(join(path, '.new'), text);
      await rename(join(path, '.new'), join(path, name));
    },
    remove: (name) => rm(join(path, name)),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

/** A folder with one file of one good rule, 'base.rule'. */
export async function goodRuleFolder(): Promise<RuleFolder> {
  const folder = await emptyRuleFolder();
  await folder.write('base.yml', ruleFile('base.rule'));
  return folder;
}

/** A file with these rules, each in order and of its own id. */
export function ruleFile(...ids: readonly string[]): string {
  return `rules:\n${ids.map(ruleText).join('')}`;
}

function ruleText(id: string): string {
  return `  - id: ${id}
    title: Something was added
    logger: synapse.handlers.e2e_keys
    message: 'Adding {count:int}'
    emit: something_added
    tests:
      match:
        - line: Adding 1
          captures: { count: 1 }
      reject:
        - Removing 1
`;
}

/** The rule of the design's example, as an author writes it. */
export const OFFERED_RULE = `rules:
  - id: ke-1.one-time-keys-offered
    title: A device offers one-time keys (every upload, good or bad)
    synapse: 1.60 … 1.163
    logger: synapse.handlers.e2e_keys
    level: INFO
    message: 'Adding one_time_keys {key_ids:dict_keys} for device {device_id:repr} for user {user_id:repr} at {server_time_ms:int}'
    emit: one_time_keys_offered
    tests:
      match:
        - line: "Adding one_time_keys dict_keys(['signed_curve25519:AAAAHQ']) for device 'JLAFKJWSCS' for user '@alice:example.org' at 1782820800119"
          captures: { key_ids: ['signed_curve25519:AAAAHQ'], device_id: JLAFKJWSCS, user_id: '@alice:example.org', server_time_ms: 1782820800119 }
      reject:
        - 'Updating device_keys for device ''X'' for user @a:b at 1'
`;
