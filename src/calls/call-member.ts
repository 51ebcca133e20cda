/**
 * Memberships of calls, as the paths of requests name them. In: event type and state key. Out: whether it is one, and of which device.
 *
 *     org.matrix.msc3401.call.member   _@alice:example.org_JLAFKJWSCS_m.call   (as decoded from the path)
 *     org.matrix.msc3401.call.member   @alice:example.org_JLAFKJWSCS           (room versions that let users own keys; older clients)
 *
 * Source: MSC3401, MSC4143, MSC3757 (the underscore in front); e2ee-evidence 3.5. User ids and device ids may hold `_`, so the user id is taken
 * from the requester where he is known.
 */
const MEMBER_TYPES: ReadonlySet<string> = new Set([
  'org.matrix.msc3401.call.member',
  'm.call.member',
  'org.matrix.msc4143.rtc.member',
  'm.rtc.member',
]);

const APPLICATION = '_m.call';

export interface MemberName {
  readonly userId: string;
  /** null where the key doesn't name one (sticky memberships, per-user keys of old clients). */
  readonly deviceId: string | null;
}

export function isMemberType(eventType: string): boolean {
  return MEMBER_TYPES.has(eventType);
}

/** @param requester who sends it; null where the request isn't authenticated. Returns null where neither names a user. */
export function parseMember(stateKey: string | null, requester: string | null): MemberName | null {
  const userId = requester === null ? null : actingUser(requester);
  if (stateKey === null || stateKey === '') return userId === null ? null : { userId, deviceId: null };
  const key = cutApplication(stateKey.startsWith('_') ? stateKey.slice(1) : stateKey);
  if (userId !== null && key.startsWith(userId)) {
    const rest = key.slice(userId.length);
    return { userId, deviceId: rest.startsWith('_') && rest.length > 1 ? rest.slice(1) : null };
  }
  // A moderator may write another's key; then, and without a requester, the key alone says whose it is.
  const match = USER_AND_DEVICE.exec(key);
  const [, named, deviceId] = match ?? [];
  if (named !== undefined) return { userId: named, deviceId: deviceId ?? null };
  return userId === null ? null : { userId, deviceId: null };
}

/** `@alice:example.org:8448_JLAFKJWSCS`: server names hold no `_`, so the first one behind the colon ends them. */
const USER_AND_DEVICE = /^(@[^:]*:[^_]+)(?:_(.+))?$/s;

/** `@admin:hs|@alice:hs` (an administrator, or a bridge, as somebody) is alice. */
export function actingUser(requester: string): string {
  return requester.slice(requester.lastIndexOf('|') + 1);
}

function cutApplication(key: string): string {
  return key.endsWith(APPLICATION) && key.length > APPLICATION.length ? key.slice(0, -APPLICATION.length) : key;
}
