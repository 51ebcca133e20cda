import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../../daemon/config/config.ts';
import { configJsonSchema } from '../../../daemon/config/config-schema.ts';
import { exampleConfig } from '../../../daemon/config/example.ts';
import { loadConfig } from '../../../daemon/config/load-config.ts';

// Every key of the schema at any depth, as 'limits.devices', 'sources[].path'.
function keysOf(schema: unknown, prefix = ''): readonly string[] {
  const { properties = {}, items } = schema as { properties?: Record<string, unknown>; items?: unknown };
  const own = Object.entries(properties).flatMap(([key, property]) => [`${prefix}${key}`, ...keysOf(property, `${prefix}${key}.`)]);
  return items === undefined ? own : [...own, ...keysOf(items, `${prefix.slice(0, -1)}[].`)];
}

describe('the example configuration', () => {
  it('means the defaults', () => {
    expect(loadConfig(exampleConfig(), '/etc/lotus-e2ee-watch/config.yml')).toEqual({ ok: true, value: defaultConfig() });
  });

  it('says each default itself: with any line changed to another value it means something else', () => {
    // listen stands for all: were the value not read from the file, this would be equal too
    const changed = exampleConfig().replace('listen: 127.0.0.1:9464', 'listen: 127.0.0.1:9465');
    expect(loadConfig(changed, '/etc/lotus-e2ee-watch/config.yml')).toEqual({
      ok: true,
      value: { ...defaultConfig(), listen: { host: '127.0.0.1', port: 9465 } },
    });
  });

  it('stays valid when the keys without default are uncommented', () => {
    // journal stands in place of path, so it's uncommented alone (next test).
    const text = exampleConfig().replaceAll(/^( *)#(?!journal)(\w+: )/gm, '$1$2');
    const result = loadConfig(text, '/etc/lotus-e2ee-watch/config.yml');
    expect(text).not.toBe(exampleConfig());
    expect(result).toMatchObject({
      ok: true,
      value: { timezone: 'Europe/Berlin', sources: [{ name: 'homeserver.log', timezone: 'Europe/Berlin' }] },
    });
  });

  it('stays valid when the journal takes the place of the path', () => {
    const text = exampleConfig()
      .replace(/^( *)- path: .*$/m, '')
      .replace(/^ {4}#journal:/m, '  - journal:');
    expect(loadConfig(text, '/etc/lotus-e2ee-watch/config.yml')).toMatchObject({
      ok: true,
      value: { sources: [{ kind: 'journal', path: '_SYSTEMD_UNIT=matrix-synapse.service', name: 'matrix-synapse.service' }] },
    });
  });

  it('has every key, each under a comment', () => {
    const lines = exampleConfig().split('\n');
    const keys = keysOf(configJsonSchema());
    expect(keys).toContain('sources[].timezone');
    expect(keys).toContain('limits.join_age');
    for (const key of keys) {
      const name = key.split('.').at(-1);
      const at = lines.findIndex((line) => line.replace(/^ *(?:- |#)?/, '').startsWith(`${name}:`));
      expect(at, key).toBeGreaterThan(0);
      expect(lines[at - 1]?.trimStart().startsWith('# '), `comment above ${key}`).toBe(true);
    }
  });

  it('is the file in deploy/', () => {
    expect(readFileSync(join(import.meta.dirname, '../../../deploy/config.example.yml'), 'utf8')).toBe(exampleConfig());
  });
});

describe('the JSON Schema of the configuration', () => {
  it('closes every mapping, so that an editor marks an unknown key', () => {
    const closed = (schema: unknown): readonly unknown[] => {
      const { properties, items, additionalProperties } = schema as {
        properties?: Record<string, unknown>;
        items?: unknown;
        additionalProperties?: unknown;
      };
      return [
        ...(properties === undefined ? [] : [additionalProperties, ...Object.values(properties).flatMap(closed)]),
        ...(items === undefined ? [] : closed(items)),
      ];
    };
    expect(new Set(closed(configJsonSchema()))).toEqual(new Set([false]));
    expect(closed(configJsonSchema())).toHaveLength(5);
  });

  it('requires nothing; that a source has path or journal is said beyond it', () => {
    const schema = configJsonSchema() as { required?: unknown; properties: { sources: { items: { required?: unknown } } } };
    expect(schema.required).toBeUndefined();
    expect(schema.properties.sources.items.required).toBeUndefined();
  });
});
