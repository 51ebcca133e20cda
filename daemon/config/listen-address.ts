/**
 * Where the HTTP server listens: 'host:port' as text in, host and port out, and back. IPv6 addresses stand in brackets.
 *
 * The host is always named: ':9464' (everything, in other tools) is refused, so that nobody opens the status page to the world by
 * leaving something out.
 */
import { isIP, isIPv6 } from 'node:net';

export interface ListenAddress {
  /** '127.0.0.1', '::1' (without brackets), 'localhost', '0.0.0.0'. */
  readonly host: string;
  /** 0 … 65535; 0 asks for any free port. */
  readonly port: number;
}

// '[::1]:9464', '127.0.0.1:9464', 'localhost:9464' → host in brackets or host, port
const HOST_AND_PORT = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9.-]{1,253})):(\d{1,5})$/;

// 'matrix.example.org': labels of RFC 1123
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

// '127.0.0.1', '300.1.2.3': meant as an address, so it must be one
const LIKE_IPV4 = /^[\d.]+$/;

/** The same as HOST_AND_PORT for editors (JSON Schema). */
export const LISTEN_PATTERN = HOST_AND_PORT.source;

/** '[::1]:9464' → { host: '::1', port: 9464 }; undefined for a missing host or port, a port above 65535, a host that can't be one. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = HOST_AND_PORT.exec(text);
  if (match === null) return undefined;
  const [, bracketed, bare] = match;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : undefined;
  return bare !== undefined && isHost(bare) ? { host: bare, port } : undefined;
}

/** { host: '::1', port: 9464 } → '[::1]:9464'. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function isHost(text: string): boolean {
  return LIKE_IPV4.test(text) ? isIP(text) === 4 : HOST_NAME.test(text);
}
