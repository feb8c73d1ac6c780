/**
 * Ports and dots at the end of a host.
 *
 * Source: `strip_any_host_port`, `strip_matching_host_port` and `strip_trailing_host_dot` of the connection manager.
 *
 * @module
 */
import type { HttpConnectionManager } from "../../xds/proto/http-connection-manager.ts";

/** Undefined when nothing is to be stripped. */
export function authorityNormalizer(
  hcm: HttpConnectionManager,
): ((authority: string, localPort: number) => string) | undefined {
  const {
    stripAnyHostPort: any = false,
    stripMatchingHostPort: matching = false,
    stripTrailingHostDot: dot = false,
  } = hcm;
  if (!any && !matching && !dot) return undefined;
  return (authority, localPort) => {
    const at = portStart(authority);
    const host = at < 0 ? authority : authority.slice(0, at);
    const strips = at >= 0 && (any || (matching && Number(authority.slice(at + 1)) === localPort));
    const port = at < 0 || strips ? "" : authority.slice(at);
    return (dot && host.endsWith(".") ? host.slice(0, -1) : host) + port;
  };
}

/** Where `:port` begins, or -1. The colons of an IPv6 address are none. */
export function portStart(authority: string): number {
  const colon = authority.lastIndexOf(":");
  if (colon < 0 || authority.indexOf("]", colon) >= 0) return -1;
  for (let i = colon + 1; i < authority.length; i++) {
    const code = authority.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return -1;
  }
  return colon + 1 === authority.length ? -1 : colon;
}
