/**
 * Requests and peers for tests of decisions.
 *
 * @module
 */
import type { PeerView, RequestView } from "../../src/engine/request.ts";

export interface RequestParts {
  readonly method?: string;
  readonly authority?: string;
  readonly scheme?: string;
  readonly upgrade?: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

export function request(path: string, parts: RequestParts = {}): RequestView {
  const { method = "GET", authority = "reviews:9080", scheme = "http", upgrade = "", headers = {} } = parts;
  return {
    method,
    path,
    authority,
    scheme,
    upgrade,
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
  };
}

export const PLAIN_PEER: PeerView = {
  tls: false,
  spiffeId: undefined,
  sni: undefined,
  remote: { address: "10.0.0.7", port: 40_000 },
  local: { address: "10.0.0.1", port: 9080 },
};

/** A peer that came by mutual TLS. */
export const peerOf = (spiffeId: string): PeerView => ({ ...PLAIN_PEER, tls: true, spiffeId });
