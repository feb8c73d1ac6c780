/**
 * What to offer to a client that offers none of our protocols: nothing, so that the connection goes on without a name, as
 * Envoy's does. The library would end it.
 *
 * @module
 */
import type { ServerTls } from "../net/socket.ts";

/** One nameless form for each, since the library keeps its context by the object. */
const nameless = new WeakMap<ServerTls, ServerTls>();

export function withCommonAlpn(tls: ServerTls, offered: readonly string[]): ServerTls {
  if (offered.length === 0 || tls.alpn.length === 0 || offered.some((name) => tls.alpn.includes(name))) return tls;
  let form = nameless.get(tls);
  if (form === undefined) nameless.set(tls, (form = { ...tls, alpn: [] }));
  return form;
}
