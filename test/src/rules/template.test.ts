/** Message templates: each kind of hole, at its ends; cut messages; hostile ones. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Captures, HOLE_TYPES, matchTemplate, parseTemplate, putIntoFrame, type Template } from '../../../src/rules/template.ts';
import { BUILT_IN_RULES } from '../facts/read-log.ts';
import { pythonRepr } from '../records/log-lines.ts';

function compile(text: string): Template {
  const template = parseTemplate(text);
  if (typeof template === 'string') throw new Error(template);
  return template;
}

const match = (text: string, message: string, isCut = false): Captures | null => matchTemplate(compile(text), message, isCut);

describe('a hole', () => {
  it.each([
    ['a {x} b', 'a 1 2 b', { x: '1 2' }],
    ['a {x} b', 'a  b', { x: '' }],
    ['a {x} b', 'a b b', { x: 'b' }],
    ['a {x} b', 'a x b y b', { x: 'x b y' }],
    ['a {x}: {y}', 'a 1: 2: 3', { x: '1', y: '2: 3' }],
    ['{x}', '', { x: '' }],
    ['{x}', 'anything\nat all', { x: 'anything\nat all' }],
    ['{x:word}', 'word', { x: 'word' }],
    ['a {x:word} b', 'a @u:hs b', { x: '@u:hs' }],
    ['a: {x:rest}', 'a: b\nc ', { x: 'b\nc ' }],
    ['a: {x:rest}', 'a: ', { x: '' }],
    ['{x:int}', '0', { x: 0 }],
    ['{x:int}', '-12', { x: -12 }],
    ['{x:int}', '999999999999999', { x: 999_999_999_999_999 }],
    ['at {x:int}ms', 'at 12ms', { x: 12 }],
    ['{x:number}', '12', { x: 12 }],
    ['{x:number}s', '-0.125s', { x: -0.125 }],
    ['{x:repr}', "'a\\'b'", { x: "a'b" }],
    ['{x:repr}', 'None', { x: null }],
    ['a={x:repr}, b={y:repr}', `a='x, b=', b="it's"`, { x: 'x, b=', y: "it's" }],
    ['{x:list}', "['a', None]", { x: ['a', null] }],
    ['{x:dict_keys}', "dict_keys(['a'])", { x: ['a'] }],
    ['Old: {x:json}; new: {y}', 'Old: {"a":"; new: "}; new: z', { x: '{"a":"; new: "}', y: 'z' }],
    ['{x:csv}', 'a,b,,c', { x: ['a', 'b', '', 'c'] }],
    ['k: {x:csv}', 'k: ', { x: [] }],
    ['{u:user_id}/{d}', '@a/b:hs.example/DEV', { u: '@a/b:hs.example', d: 'DEV' }],
    ['{u:user_id}/{d}', '@a/b:hs.example:8448/DEV/1', { u: '@a/b:hs.example:8448', d: 'DEV/1' }],
    ['{u:user_id}:{d}', '@bob:localhost:8448:DEV', { u: '@bob:localhost:8448', d: 'DEV' }],
    ['{u:user_id}:{d}', '@bob:localhost:DEV', { u: '@bob:localhost', d: 'DEV' }],
    ['{u:user_id}:{d}', '@bob:[2001:db8::1]:8448:DEV', { u: '@bob:[2001:db8::1]:8448', d: 'DEV' }],
    ['{u:user_id}:{d}', '@bob:hs:my_phone', { u: '@bob:hs', d: 'my_phone' }],
    ['{u:user_id}:{d}', '@bob:hs:', { u: '@bob:hs', d: '' }],
    ['{u:user_id}', '@bob:hs', { u: '@bob:hs' }],
    ['{{{x}}}', '{a}', { x: 'a' }],
    ['100%', '100%', {}],
    ['a {:word} b {x} c {:int}', 'a 1 b 2 c 3', { x: '2' }],
    ['{:repr} {:word} {:user_id}: {:rest}', "'a b' c @u:hs: d", {}],
  ])('of %j takes from %j: %j', (text, message, captures) => {
    expect(match(text, message)).toEqual(captures);
  });

  it.each([
    ['a {x} b', 'a 1 c'],
    ['a {x} b', 'b 1 b'],
    ['a {x} b', 'a 1 b '],
    ['a {x} b', 'a b'],
    ['a', 'a '],
    ['a', ''],
    ['{x:word}', ''],
    ['{x:word}', 'two words'],
    ['{x:word} b', ' b'],
    ['{x:word} b', 'a\tb b'],
    ['{x:int}', 'x'],
    ['{x:int}', '-'],
    ['{x:int}', ''],
    ['{x:int}', '1.5'],
    ['{x:int}', '1e3'],
    ['{x:int}', '1234567890123456'],
    ['{x:number}', '1.'],
    ['{x:number}', '.5'],
    ['{x:repr}', 'abc'],
    ['{x:repr}', "'abc"],
    ['{x:repr}', "'a' "],
    ['{x:repr}', 'Nonesense'],
    ['{x:list}', "['a'"],
    ['{x:list}', "dict_keys(['a'])"],
    ['{x:json}', '{"a":1'],
    ['{u:user_id}/{d}', 'bob:hs/DEV'],
    ['{u:user_id}/{d}', '@bob/DEV'],
    ['{u:user_id}:{d}', '@bob:hs'],
    ['{u:user_id}/{d}', '@a/b:hs'],
  ])('of %j takes nothing from %j', (text, message) => {
    expect(match(text, message)).toBeNull();
  });
});

describe('a template', () => {
  it.each([
    ['{', "can't be read, expected {name}"],
    ['{x', "can't be read, expected {name}"],
    ['a } b', '"}" at 2 closes nothing, expected "}}" for a brace'],
    ['{X}', "can't be read, expected {name}"],
    ['{}', "can't be read, expected {name}"],
    ['{x:what}', 'hole "x:what" has type "what", expected one of '],
    ['{x:constructor}', 'hole "x:constructor" has type "constructor", expected one of '],
    ['{x}{y}', 'hole "x" is followed by another hole, expected text between them'],
    ['{x:word}{y}', 'hole "x" is followed by another hole, expected text between them'],
    ['{x} {x}', 'hole "x" stands twice, expected different names'],
    ['{x:rest} b', 'hole "x" takes everything to the end, expected it to be last'],
    ['{x:csv}, {y}', 'hole "x" takes everything to the end, expected it to be last'],
  ])('%j is refused: %s', (text, problem) => {
    expect(parseTemplate(text)).toContain(problem);
  });

  it('takes holes that end by themselves beside each other', () => {
    expect(match('{a:int}{b:repr}{c:list}', "12'x'['y']")).toEqual({ a: 12, b: 'x', c: ['y'] });
  });

  it('stands in a frame with the frame’s own holes', () => {
    const frame = compile('<{class:word}> Error: {message:framed} (end)');
    const framed = putIntoFrame(frame, compile('400 - {what} exists'));
    expect(matchTemplate(framed, '<X> Error: 400 - it exists (end)')).toEqual({ class: 'X', what: 'it' });
    expect(matchTemplate(framed, '<X> Error: 400 - it exists')).toBeNull();
    expect(matchTemplate(putIntoFrame(frame, compile('fixed $& $1')), '<X> Error: fixed $& $1 (end)')).toEqual({ class: 'X' });
  });
});

describe('a message that was cut', () => {
  const refusal = '400 - One time key {algorithm}:{key_id} already exists. Old key: {old:json}; new key: {new:rest}';
  const whole = '400 - One time key signed_curve25519:AAAAHQ already exists. Old key: {"key":"OLD"}; new key: {\'key\': \'NEW\'}';

  it('matches as far as its text goes, if at least one hole is whole, wherever it was cut', () => {
    for (let length = 0; length <= whole.length; length++) {
      const captures = match(refusal, whole.slice(0, length), true);
      if (length < '400 - One time key signed_curve25519:'.length) continue;
      expect(captures, whole.slice(0, length)).toMatchObject({ algorithm: 'signed_curve25519' });
      if (length >= whole.indexOf(' already exists. Old key: ') + ' already exists. Old key: '.length)
        expect(captures).toMatchObject({ key_id: 'AAAAHQ' });
      if (length >= whole.indexOf('; new key: ')) expect(captures).toMatchObject({ old: '{"key":"OLD"}' });
      if (length < whole.indexOf('; new key: ') + '; new key: '.length) expect(captures).not.toHaveProperty('new');
    }
  });

  it('never gives half of a hole as a whole one', () => {
    expect(match('a {x} b {y} c', 'a 1 b 2', true)).toEqual({ x: '1' });
    expect(match('for {x:word} in {y:repr}', "for u in 'abc", true)).toEqual({ x: 'u' });
    expect(match('for {x:word} at {y:list}', "for u at ['a', 'b", true)).toEqual({ x: 'u' });
  });

  it.each([
    ['before any hole is whole', 'a {x} b', 'a 1'],
    ['in the first literal', 'abc {x}', 'ab'],
    ['in the only hole', 'a {x:repr}', "a 'bc"],
  ])('isn’t matched where it was cut %s', (_, text, message) => {
    expect(match(text, message, true)).toBeNull();
  });

  it.each([
    ['in a literal', 'a {x} b {y:int} c {z}', 'a 1 b 2 X and much more text'],
    ['in a number', 'a {x} b {y:int} c', 'a 1 b noon and much more text'],
    ['in a string', 'a {x} b {y:repr} c', 'a 1 b noon and much more text'],
    ['in a list', 'a {x} b {y:list} c', 'a 1 b noon and much more text'],
    ['in a JSON value', 'a {x} b {y:json} c', 'a 1 b noon and much more text'],
    ['in a word', 'a {x} b {y:word}, c', 'a 1 b two words, c and more'],
    ['in a user id', 'a {x} b {y:user_id}, c', 'a 1 b bob and much more text'],
    ['at its end', 'a {x:repr} b', "a '1' b and much more text"],
  ])('isn’t matched where it’s of another form before the cut: %s', (_, text, message) => {
    expect(match(text, message, true)).toBeNull();
  });
});

describe('any template', () => {
  const value: Record<string, fc.Arbitrary<readonly [text: string, value: unknown]>> = {
    word: fc.stringMatching(/^[a-zA-Z0-9_.@/-]{1,12}$/).map((text) => [text, text]),
    int: fc.integer().map((number) => [String(number), number]),
    number: fc.integer({ min: -1e6, max: 1e6 }).map((number) => [(number / 1000).toFixed(3), number / 1000]),
    repr: fc.option(fc.string()).map((text) => [text === null ? 'None' : pythonRepr(text), text]),
    list: fc.array(fc.string(), { maxLength: 4 }).map((texts) => [`[${texts.map(pythonRepr).join(', ')}]`, texts]),
    dict_keys: fc.array(fc.string(), { maxLength: 4 }).map((texts) => [`dict_keys([${texts.map(pythonRepr).join(', ')}])`, texts]),
    json: fc.oneof(fc.object(), fc.string()).map((json) => [JSON.stringify(json), JSON.stringify(json)]),
    user_id: fc
      .tuple(fc.stringMatching(/^[a-z/=_.-]{1,8}$/), fc.stringMatching(/^[a-z0-9.-]{1,12}(:[0-9]{1,4})?$/))
      .map(([name, server]) => [`@${name}:${server}`, `@${name}:${server}`]),
    str: fc.stringMatching(/^[a-z ]{0,12}$/).map((text) => [text, text]),
  };
  const hole = fc.constantFrom(...Object.keys(value)).chain((type) => value[type]!.map((sample) => ({ type, sample })));
  /** Text between holes that no value of a searched hole holds, nor goes on with. */
  const literal = fc.constantFrom(' | ', '; {', '} for |', ' at|');
  const made = fc.array(fc.tuple(hole, literal), { minLength: 1, maxLength: 6 });
  const doubleBraces = (text: string) => text.replaceAll('{', '{{').replaceAll('}', '}}');

  it('gives back the values that its message was made of, and nothing for the message with a letter more or less', () => {
    fc.assert(
      fc.property(made, (parts) => {
        const template = `start ${parts.map(([{ type }, text], i) => `{h${i}:${type}}${doubleBraces(text)}`).join('')}`;
        const message = `start ${parts.map(([{ sample }, text]) => `${sample[0]}${text}`).join('')}`;
        expect(match(template, message)).toEqual(Object.fromEntries(parts.map(([{ sample }], i) => [`h${i}`, sample[1]])));
        expect(match(template, `${message}x`)).toBeNull();
        expect(match(template, `x${message}`)).toBeNull();
        expect(match(template, message.slice(0, -1))).toBeNull();
      }),
      { numRuns: 1500 },
    );
  });

  it('gives for any text either every hole or nothing, each of its type', () => {
    const types = Object.keys(HOLE_TYPES).filter((type) => type !== 'framed' && type !== 'rest' && type !== 'csv');
    const text = fc
      .array(
        fc.oneof(fc.constantFrom(' ', '|', "'", '[', ']', '@', ':', '{', '}', '"', '1', 'None', 'dict_keys('), fc.string({ maxLength: 3 })),
        { maxLength: 15, size: 'max' },
      )
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...types), { minLength: 1, maxLength: 4 }), text, fc.boolean(), (holes, message, isCut) => {
        const captures = match(`${holes.map((type, i) => `{h${i}:${type}}`).join('|')}`, message, isCut);
        if (captures === null) return;
        if (!isCut) expect(Object.keys(captures)).toHaveLength(holes.length);
        for (const [name, capture] of Object.entries(captures)) {
          const type = holes[Number(name.slice(1))];
          if (type === 'int' || type === 'number') expect(Number.isFinite(capture)).toBe(true);
          else if (type === 'list' || type === 'dict_keys') expect(Array.isArray(capture)).toBe(true);
          else expect(capture === null || typeof capture === 'string').toBe(true);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('a hostile message, longer than any that is kept,', () => {
  const fillers: readonly string[] = [
    "'",
    '"',
    '\\',
    "\\'",
    "'a', ",
    "['",
    '[',
    '{',
    '{"',
    '"\\"',
    '@',
    ':',
    '@a:',
    '@a:b/',
    ', ',
    ',',
    ' ',
    'x',
    'é',
    '\n',
    ' for ',
    ' already exists. Old key: ',
    ': ',
    '1',
    'None, ',
    '\\x',
    '; new key: ',
    "dict_keys(['",
    '> SynapseError: ',
  ];
  const rules = BUILT_IN_RULES.rules.filter(({ definition }) => definition.message !== undefined);

  /** The message of a rule's first own test line. */
  const exampleOf = ({ definition }: (typeof rules)[number]): string =>
    (definition.tests.match[0]?.line ?? '').replace(/^\d{4}-\d\d-\d\d [\d:,]+ - \S+ - \d+ - [A-Z]+ - \S* - /, '');

  // A quadratic step anywhere takes minutes here; each of these takes some tenths of a second.
  it.each(fillers)(
    'made of %j takes no rule longer than it takes to walk through it',
    (filler) => {
      const long = filler.repeat(600_000 / filler.length);
      for (const rule of rules) {
        const example = exampleOf(rule);
        rule.match(`${rule.prefix}${long}`, true);
        for (const opening of ["dict_keys(['", 'dict_keys([', '[']) rule.match(`${rule.prefix}${opening}${long}`, false);
        rule.match(`${example.slice(0, example.length * 0.6)}${long}`, true);
      }
    },
    6000,
  );

  it('with 100,000 entries in a list is read whole', () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => `'signed_curve25519:${i}'`).join(', ');
    const offer = rules.find(({ id }) => id === 'ke-1.one-time-keys-offered');
    expect(
      offer?.match(`Adding one_time_keys dict_keys([${entries}]) for device 'D' for user '@a:hs' at 1`, false)?.captures['key_ids'],
    ).toHaveLength(100_000);
    const claims = Array.from({ length: 100_000 }, (_, i) => `signed_curve25519:${i} for @a:hs:8448:D${i}`).join(',');
    const items = rules.find(({ id }) => id === 'ke-1.one-time-keys-claimed')?.match(`Claimed one-time-keys: ${claims}`, false)?.items;
    expect([items?.length, items?.at(-1)]).toEqual([
      100_000,
      { key_id: 'signed_curve25519:99999', user_id: '@a:hs:8448', device_id: 'D99999' },
    ]);
  }, 5000);
});
