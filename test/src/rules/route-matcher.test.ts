/** Routes: forms, traps, and a property against regular expressions. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText } from '../../../src/records/text-decoder.ts';
import { describeRouteProblem, percentDecode } from '../../../src/rules/route.ts';
import { RouteMatcher, type RouteSpec } from '../../../src/rules/route-matcher.ts';

type Spec = RouteSpec<string>;

/** Matches a request line that stands somewhere in a log. */
function match(
  matcher: RouteMatcher<string>,
  method: string,
  uri: string,
  offset = 5,
): { target: string; captures: Record<string, string> } | null {
  const bytes = Buffer.from(`${'"'.repeat(offset)}${method} ${uri} HTTP/1.1" "agent/1.0 (like /_matrix/client)" [0 dbevts]\n`);
  const target = matcher.match(bytes, offset, offset + Buffer.byteLength(method) + 1);
  return target === null ? null : { target, captures: matcher.captures(bytes, decodeText) };
}

const one = (route: string, query?: string, methods: readonly string[] = ['PUT']) =>
  new RouteMatcher<string>([{ methods, route, query, target: 'hit' }]);

describe('a route', () => {
  it.each([
    ['a literal', '/a/b', '/a/b', {}],
    ['a hole', '/a/{x}', '/a/b', { x: 'b' }],
    ['a hole, percent-encoded', '/a/{x}', '/a/m%2Eroom%2eencrypted%24', { x: 'm.room.encrypted$' }],
    ['a hole with an encoded slash', '/a/{x}/c', '/a/b%2Fb/c', { x: 'b/b' }],
    ['a hole with letters beyond ASCII', '/a/{x}', '/a/zo%C3%AB', { x: 'zoë' }],
    ['a hole with encoding that is none', '/a/{x}', '/a/100%&%zz%C3', { x: '100%&%zz%C3' }],
    ['a hole that may be empty', '/a/{x:any}', '/a/', { x: '' }],
    ['an empty hole in the middle', '/a/{x:any}/c', '/a//c', { x: '' }],
    ['one of several words', '/a/{v:r0|v3}/c', '/a/v3/c', { v: 'v3' }],
    ['an optional end that is there', '/a[/{x}]', '/a/b', { x: 'b' }],
    ['an optional end that isn’t', '/a[/{x}]', '/a', {}],
    ['a query that nobody asked for', '/a/{x}', '/a/b?c=d/e', { x: 'b' }],
    ['an empty query', '/a', '/a?', {}],
  ])('with %s matches', (_, route, uri, captures) => {
    for (const matcher of [one(route)])
      for (let times = 0; times < 3; times++) expect(match(matcher, 'PUT', uri, times)).toEqual({ target: 'hit', captures });
  });

  it.each([
    ['more at the end', '/a/b', '/a/b/c'],
    ['a slash at the end', '/a/b', '/a/b/'],
    ['less at the end', '/a/b', '/a'],
    ['a dot segment', '/keys/upload', '/keys/upload/../../x'],
    ['an encoded slash for a real one', '/a/b', '/a%2Fb'],
    ['encoded letters in a literal', '/a/b', '/a/%62'],
    ['another case', '/a/b', '/A/b'],
    ['an empty hole', '/a/{x}', '/a/'],
    ['an empty hole in the middle', '/a/{x}/c', '/a//c'],
    ['a word that isn’t among those', '/a/{v:r0|v3}/c', '/a/v30/c'],
    ['part of a word', '/a/{v:r0|v3}/c', '/a/v/c'],
    ['the route in the query', '/a/b', '/x?/a/b'],
    ['no leading slash', '/a/b', 'a/b'],
    ['an absolute URI', '/a/b', 'http://x/a/b'],
    ['nothing', '/a/b', ''],
    ['only a slash', '/a', '/'],
  ])('doesn’t match a path with %s', (_, route, uri) => {
    expect(match(one(route), 'PUT', uri)).toBeNull();
  });

  it.each(['GET', 'POST', 'PUTX', 'PU', 'put', 'PAT', ''])('for PUT doesn’t match method "%s"', (method) => {
    expect(match(one('/a'), method, '/a')).toBeNull();
  });

  it('can be for several methods', () => {
    const matcher = one('/a', undefined, ['PUT', 'POST', 'DELETE']);
    expect(['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'].filter((method) => match(matcher, method, '/a'))).toEqual([
      'PUT',
      'POST',
      'DELETE',
    ]);
  });

  it('can be for methods that begin with the same letters', () => {
    const matcher = new RouteMatcher<string>([
      { methods: ['PROPFIND'], route: '/a', target: 'find' },
      { methods: ['PROPPATCH'], route: '/a', target: 'patch' },
    ]);
    expect([match(matcher, 'PROPFIND', '/a')?.target, match(matcher, 'PROPPATCH', '/a')?.target, match(matcher, 'PROP', '/a')]).toEqual([
      'find',
      'patch',
      null,
    ]);
  });
});

describe('a query condition', () => {
  const DELAY = 'org.matrix.msc4140.delay={ms}';

  it.each([
    ['alone', '?org.matrix.msc4140.delay=8000', '8000'],
    ['first', '?org.matrix.msc4140.delay=8000&ts=1', '8000'],
    ['behind others', '?ts=1&access_token=<redacted>&org.matrix.msc4140.delay=8000', '8000'],
    ['twice: the first', '?org.matrix.msc4140.delay=1&org.matrix.msc4140.delay=2', '1'],
    ['with an empty value', '?org.matrix.msc4140.delay=', ''],
    ['without a value', '?org.matrix.msc4140.delay', ''],
    ['percent-encoded', '?org.matrix.msc4140.delay=8%30', '80'],
    ['with a second equals sign', '?org.matrix.msc4140.delay=a=b', 'a=b'],
  ])('is met by one that stands %s', (_, query, ms) => {
    expect(match(one('/a', DELAY), 'PUT', `/a${query}`)?.captures).toEqual({ ms });
  });

  it.each([
    ['nothing', ''],
    ['an empty query', '?'],
    ['another name that ends in it', '?xorg.matrix.msc4140.delay=8000'],
    ['another name that begins with it', '?org.matrix.msc4140.delay2=8000'],
    ['the name as a value', '?x=org.matrix.msc4140.delay=8000'],
    ['the name in the path', '/org.matrix.msc4140.delay=8000'],
    ['half the name', '?org.matrix.msc4140'],
  ])('isn’t met by %s', (_, query) => {
    expect(match(one('/a', DELAY), 'PUT', `/a${query}`)).toBeNull();
  });

  it('goes before the same route without it', () => {
    const plain: Spec = { methods: ['PUT'], route: '/a/{x}', target: 'plain' };
    const delayed: Spec = { methods: ['PUT'], route: '/a/{x}', query: DELAY, target: 'delayed' };
    for (const matcher of [new RouteMatcher([plain, delayed]), new RouteMatcher([delayed, plain])]) {
      expect(match(matcher, 'PUT', '/a/b?org.matrix.msc4140.delay=1')?.target).toBe('delayed');
      expect(match(matcher, 'PUT', '/a/b?ts=1')?.target).toBe('plain');
    }
  });
});

describe('many routes together', () => {
  it('give the first whose whole route fits', () => {
    const matcher = new RouteMatcher<string>([
      { methods: ['PUT'], route: '/a/b', target: 'literal' },
      { methods: ['PUT'], route: '/a/{x}', target: 'hole' },
      { methods: ['PUT'], route: '/a/{x}/c', target: 'longer' },
    ]);
    expect(['/a/b', '/a/bb', '/a/b/c', '/a/b/d'].map((uri) => match(matcher, 'PUT', uri)?.target ?? null)).toEqual([
      'literal',
      'hole',
      'longer',
      null,
    ]);
  });

  it('are told apart where they lead through the same words', () => {
    // Routes that differ in their first 20 bytes only: whatever is remembered of the words behind belongs to one of them.
    const uris = Array.from({ length: 1300 }, (_, i) => `/first-segment-${String(i).padStart(5, '0')}/a-segment-in-common`);
    const matcher = new RouteMatcher(uris.map((uri) => ({ methods: ['PUT'], route: uri, target: uri })));
    for (const uri of [...uris, ...uris, ...uris]) expect(match(matcher, 'PUT', uri)?.target).toBe(uri);
  });

  it('hold none at all', () => {
    expect(match(new RouteMatcher<string>([]), 'PUT', '/a')).toBeNull();
  });
});

describe('any routes and any paths', () => {
  const WORDS = [
    '_matrix',
    'client',
    'v3',
    'unstable',
    'org.matrix.msc4140',
    'delayed_events',
    'sendToDevice',
    'sendToDevices',
    'a',
    'restart',
    'x',
  ];
  const segment = fc.oneof({ arbitrary: fc.constantFrom(...WORDS), weight: 4 }, fc.constantFrom('{h0}', '{h0:any}', '{h0:v3|unstable|a}'));
  const route = fc
    .record({ segments: fc.array(segment, { minLength: 1, maxLength: 6 }), hasTail: fc.boolean() })
    .map(({ segments, hasTail }) => {
      const named = segments.map((text, i) => text.replace('h0', `h${i}`));
      return `/${named.join('/')}${hasTail ? '[/{tail}]' : ''}`;
    });
  const method = fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS');
  const spec = fc.record({
    methods: fc.uniqueArray(method, { minLength: 1, maxLength: 3 }),
    route,
    query: fc.constantFrom(undefined, undefined, 'd={ms}', 'd'),
  });
  const piece = fc.oneof(fc.constantFrom(...WORDS), fc.constantFrom('', '%2E', 'v30', '..', 'é', 'm%C3%AB', '%', ';', 'x'.repeat(40)));
  const query = fc.constantFrom('', '', '?', '?d=1', '?d', '?x=1&d=2', '?dd=1', '?d&d=3', '?x=/a/b');
  /** A path made of the routes' own segments, so that many match. */
  const uri = fc
    .tuple(fc.array(piece, { maxLength: 7 }), query)
    .map(([pieces, end]) => `${pieces.map((text) => `/${text}`).join('')}${end}`);

  /** The same by regular expressions, one route after the other. */
  function reference(specs: readonly Spec[], wanted: string, target: string) {
    const path = /^[^?\s]*/.exec(target)?.[0] ?? '';
    const parts = (/\?(.*)$/s.exec(target)?.[1] ?? '').split('&');
    const candidates = specs.flatMap((candidate) => {
      if (!candidate.methods.includes(wanted)) return [];
      const source = candidate.route
        .replace(/[.\\^$*+()]/g, '\\$&')
        .replace(/\[\/\{tail\}\]$/, '(?:/(?<tail>[^/]+))?')
        .replace(/\{(h\d):any\}/g, '(?<$1>[^/]*)')
        .replace(/\{(h\d):([^}]*)\}/g, '(?<$1>$2)')
        .replace(/\{(h\d)\}/g, '(?<$1>[^/]+)');
      const found = new RegExp(`^${source}$`, 's').exec(path);
      if (!found) return [];
      const captures: Record<string, string> = {};
      for (const [name, value] of Object.entries(found.groups ?? {})) if (value !== undefined) captures[name] = percentDecode(value);
      if (candidate.query === undefined) return [{ target: candidate.target, captures, hasQuery: false }];
      const part = parts.find((text) => text === 'd' || text.startsWith('d='));
      if (part === undefined) return [];
      if (candidate.query === 'd={ms}') captures['ms'] = percentDecode(part.slice(2));
      return [{ target: candidate.target, captures, hasQuery: true }];
    });
    const best = candidates.find(({ hasQuery }) => hasQuery) ?? candidates[0];
    return best === undefined ? null : { target: best.target, captures: best.captures };
  }

  it('match as regular expressions do, one after the other in one matcher, wherever the line stands', () => {
    fc.assert(
      fc.property(
        fc.array(spec, { minLength: 1, maxLength: 6 }),
        fc.array(fc.tuple(method, uri, fc.nat({ max: 7 })), { minLength: 1, maxLength: 12, size: 'max' }),
        (bare, requests) => {
          const specs = bare.map((entry, index) => ({ ...entry, target: `route ${index}` }));
          const matcher = new RouteMatcher(specs);
          for (const [wanted, target, offset] of [...requests, ...requests]) {
            const expected = reference(specs, wanted, target);
            const found = match(matcher, wanted, target, offset);
            // `{h:a|b}` twice in one path may be read in two ways with one result.
            expect(found, `${wanted} ${target}`).toEqual(expected);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('never throw, whatever the bytes of the request line', () => {
    const matcher = new RouteMatcher<string>([
      { methods: ['PUT'], route: '/a/{x:any}/b[/{y}]', query: 'd={ms}', target: 'hit' },
      { methods: ['PUT'], route: '/{z}', target: 'other' },
    ]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60, size: 'max' }), (noise) => {
        const bytes = Buffer.concat([Buffer.from('PUT /'), noise, Buffer.from('\n')]);
        if (matcher.match(bytes, 0, 4) !== null) expect(typeof Object.values(matcher.captures(bytes, decodeText))[0]).toBe('string');
      }),
      { numRuns: 1000 },
    );
  });

  it('take every path, where routes are such that each path leads to a state of its own', () => {
    // Route i has a word at segment i and holes elsewhere: 2^14 paths keep as many different sets of routes in play.
    const segments = Array.from({ length: 14 }, (_, i) => i);
    const matcher = new RouteMatcher<string>(
      segments.map((i) => ({ methods: ['PUT'], route: segments.map((j) => (i === j ? '/x' : `/{h${j}}`)).join(''), target: String(i) })),
    );
    for (let mask = 0; mask < 2 ** 14; mask++) {
      const bytes = Buffer.from(`PUT ${segments.map((j) => (mask & (1 << j) ? '/x' : '/y')).join('')} `);
      const first = segments.find((j) => mask & (1 << j));
      if (matcher.match(bytes, 0, 4) !== (first === undefined ? null : String(first)))
        throw new Error(`wrong route for ${bytes.toString()}`);
    }
  });

  it('take a path of a megabyte', () => {
    const matcher = new RouteMatcher<string>([{ methods: ['PUT'], route: '/a/{x}/b', target: 'hit' }]);
    for (const filler of ['x', '/', '/a', '%', 'é', '?', '&d']) {
      expect(match(matcher, 'PUT', `/a/${filler.repeat(1_000_000 / filler.length)}`)).toBeNull();
    }
    expect(match(matcher, 'PUT', `/a/${'y'.repeat(1_000_000)}/b`)?.captures['x']?.length).toBe(1_000_000);
  });
});

describe('what a rule’s author wrote', () => {
  it.each([
    ['a/b', undefined, 'route "a/b" has no leading "/"'],
    ['/a b', undefined, 'route "/a b" holds white space, "?" or "#"'],
    ['/a?b=c', undefined, 'route "/a?b=c" holds white space, "?" or "#"'],
    ['/a/{X}', undefined, 'segment "{X}" of the route can\'t be read, expected text, {name}, {name:any} or {name:a|b}'],
    ['/a/x{y}', undefined, 'segment "x{y}" of the route can\'t be read, expected text, {name}, {name:any} or {name:a|b}'],
    ['/a[/b]/c', undefined, 'segment "a[" of the route can\'t be read, expected text, {name}, {name:any} or {name:a|b}'],
    [`/${'a/'.repeat(20)}`, undefined, `route "/${'a/'.repeat(20)}" has more than 16 segments`],
    ['/a', 'x y', 'query "x y" can\'t be read, expected name or name={hole}'],
    ['/a', 'x=1', 'query "x=1" can\'t be read, expected name or name={hole}'],
  ])('route %s, query %s: %s', (route, query, problem) => {
    expect(describeRouteProblem(route, query)).toBe(problem);
  });

  it.each([
    ['/a/{b}/c[/{d:any}]', 'x={y}'],
    ['/', 'x'],
  ])('is in order: %s, %s', (route, query) => {
    expect(describeRouteProblem(route, query)).toBeNull();
  });
});
