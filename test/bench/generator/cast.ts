/**
 * In: random numbers. Out: who and what appears in a generated log: users with one device each, remote servers, rooms, addresses, clients,
 * and the wedged devices, which upload a one-time key whose id is taken.
 *
 * Invariant: everything is made up (example.org, documentation addresses); only the profile `hostile` has non-ASCII names.
 */
import { BASE64, CAPITALS, LETTERS_AND_DIGITS, type Random } from './random.ts';

export const HOMESERVER = 'example.org';
const USER_COUNT = 4000;
/** Users who get to-device messages and sync often: so few that messages pile up for one device and go out together. */
export const ACTIVE_COUNT = 400;

export interface Member {
  /** `@alice:example.org`, `@alice.20:example.org`. */
  readonly userId: string;
  /** Ten capitals, as Synapse gives them. */
  readonly deviceId: string;
  /** `userId` as it stands in a path: `%40alice%3Aexample.org`. */
  readonly userPath: string;
  /** A client keeps its address and its user agent: schedules and delay ids are joined by them (contract.md, drops). */
  readonly address: string;
  readonly userAgent: string;
  /** Counter of the next one-time key; a key's id is this number in base64. */
  nextKey: number;
}

/** `@alice:example.org|ABCDEFGHIJ`, the form of the truth's keys. */
export const deviceKey = (member: Member): string => `${member.userId}|${member.deviceId}`;

/** A device whose store is behind: it offers the id of a key that the server still has. */
export interface WedgedDevice {
  readonly member: Member;
  /** The counter it is stuck at; goes up when a peer claims the orphan. */
  key: number;
  readonly oldKey: string;
  readonly oldSignature: string;
  readonly newKey: string;
  readonly newSignature: string;
}

export interface Cast {
  readonly members: readonly Member[];
  readonly servers: readonly string[];
  /** `!abc:example.org` and the same as it stands in a path. */
  readonly rooms: readonly { readonly id: string; readonly path: string }[];
  readonly wedged: readonly WedgedDevice[];
}

const FIRST_NAMES = [
  ...['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy'],
  ...['mallory', 'niaj', 'olivia', 'peggy', 'rupert', 'sybil', 'trent', 'victor', 'wendy', 'zoë'],
];

/** User agents of real clients; `-` is an empty one. */
const USER_AGENTS: readonly string[] = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Element/1.11.112 Chrome/140.0.7339.133 Electron/38.1.2 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0',
  'Element X/25.09.3 (iPhone 15 Pro; iOS 18.6.2; Scale/3.00)',
  'Element X/25.09.2 (Google Pixel 8; Android 16; BP2A.250805.005; Sdk e21e9d65bb4)',
  'Element/1.6.44 (samsung SM-S911B; Android 15; AP3A.240905.015.A2.S911BXXS7DYE2; Flavour GooglePlay; MatrixAndroidSdk2 1.6.44)',
  'matrix-rust-sdk',
  'mautrix-whatsapp/v0.12.4 mautrix-go/v0.25.1 go/1.25.1',
  'Dart/3.8 (dart:io)',
  'FluffyChat/2.1.0',
  'nheko',
  '-',
];

export function createCast(random: Random, options: { readonly isHostile: boolean; readonly wedgedCount: number }): Cast {
  const addresses = Array.from({ length: 1500 }, (_, i) => createAddress(random, i));
  const members = createMembers(random, options.isHostile, addresses);
  const servers = Array.from({ length: 300 }, (_, i) => {
    const prefix = random.pick(['matrix', 'chat', 'hs', 'synapse', 'm']);
    return `${prefix}${i}.${random.pick(['example.net', 'example.com', 'example.edu', 'test.example'])}`;
  });
  const rooms = Array.from({ length: 800 }, (_, i) => {
    const id = `!${random.text(18, LETTERS_AND_DIGITS)}:${i % 3 ? HOMESERVER : random.pick(servers)}`;
    return { id, path: encodeURIComponent(id).replace('!', '%21') };
  });
  const wedged = Array.from({ length: options.wedgedCount }, () => ({
    member: random.pick(members),
    key: 400 + random.int(4000),
    oldKey: random.text(43, BASE64),
    oldSignature: random.text(86, BASE64),
    newKey: random.text(43, BASE64),
    newSignature: random.text(86, BASE64),
  }));
  return { members, servers, rooms, wedged };
}

/** One of the three documentation networks, one in six of IPv6's. */
function createAddress(random: Random, i: number): string {
  if (i % 6 === 0) return `2001:db8:${random.hex(4)}:${random.hex(4)}::${random.hex(4)}`;
  return `${['192.0.2', '198.51.100', '203.0.113'][i % 3]}.${random.int(256)}`;
}

function createMembers(random: Random, isHostile: boolean, addresses: readonly string[]): Member[] {
  return Array.from({ length: USER_COUNT }, (_, i) => {
    const name = FIRST_NAMES[i % FIRST_NAMES.length] as string;
    const plain = isHostile ? name : name.replace('ë', 'e');
    const userId = `@${plain}${i < FIRST_NAMES.length ? '' : `.${i}`}:${HOMESERVER}`;
    const deviceId = random.text(10, CAPITALS);
    const client = { address: random.pick(addresses), userAgent: USER_AGENTS[i % USER_AGENTS.length] as string };
    return { userId, deviceId, userPath: encodeURIComponent(userId), ...client, nextKey: 50 + random.int(3000) };
  });
}

/**
 * A one-time key's id as vodozemac writes it: the counter as 8 bytes, big-endian, in unpadded base64. 14 → `AAAAAAAAAA4`.
 * 11 characters hold 66 bits, so the counter stands two bits further left (reference/lab-findings.md, ids of all captures).
 */
export function keyId(counter: number): string {
  let bits = counter * 4;
  let s = '';
  for (let i = 0; i < 11; i++) {
    s = BASE64[bits % 64] + s;
    bits = Math.floor(bits / 64);
  }
  return s;
}
