/**
 * What a request wants its connection, or its stream, to become.
 *
 * @module
 */
import { CONNECT } from "../engine/http/upgrades.ts";
import { replyOf } from "../engine/failures.ts";
import type { Reply } from "../engine/http.ts";
import { BY_LENGTH } from "../wire/http1/head.ts";
import { ID } from "../wire/http1/known.ts";
import type { RequestHead } from "../wire/http1/request-head.ts";

/**
 * The protocol in lower case, or {@link CONNECT}; empty where it stays what it is. `h2c` is an offer that is ignored, as in
 * Envoy (RFC 9110 §7.8 allows that): whoever took it up behind us would be spoken to past all rules.
 */
export function upgradeOf(head: RequestHead): string {
  if (head.protocol !== "") return head.protocol.toLowerCase();
  return upgradeHeader(head) || (head.method === "CONNECT" ? CONNECT : "");
}

function upgradeHeader(head: RequestHead): string {
  // An HTTP/1.0 client does not mean it (RFC 9110 §7.8).
  if (head.first[ID.upgrade] === 0 || !head.isVersion11) return "";
  if (!/(^|,)[ \t]*upgrade[ \t]*(,|$)/i.test(head.header("connection") ?? "")) return "";
  const protocol = (head.header("upgrade") ?? "").toLowerCase();
  return protocol === "h2c" ? "" : protocol;
}

/** The reply to an upgrade that has a body: whose it would be, the request's or the protocol's, can be read in two ways. */
export function refusedUpgrade(head: RequestHead): Reply | undefined {
  const hasBody = head.isHttp2 ? head.framing === BY_LENGTH : head.hasBody;
  return hasBody ? { ...replyOf("downstreamProtocolError"), details: "http1.upgrade_with_body" } : undefined;
}

/** Whether an answer of this status does what was asked for. Answers of HTTP/2 say 101 for an upgrade too, once they are ours. */
export const switches = (upgrade: string, status: number): boolean =>
  upgrade === CONNECT ? status >= 200 && status < 300 : status === 101;
