/**
 * `Expect` (RFC 9110 §10.1.1): who tells the client to go on.
 *
 * @module
 */
import { ID } from "../wire/http1/known.ts";
import type { RequestHead } from "../wire/http1/request-head.ts";

/**
 * `proxy`: we do, at once, as Envoy; the endpoint is not asked. `endpoint`: it does (`proxy_100_continue`). `nobody`: the
 * expectation is another one.
 */
export function whoContinues(head: RequestHead, proxies: boolean): "proxy" | "endpoint" | "nobody" {
  if (head.known(ID.expect)?.toLowerCase() !== "100-continue") return "nobody";
  if (proxies && head.isVersion11) return "endpoint";
  head.remove((line) => head.ids[line] === ID.expect);
  return "proxy";
}
