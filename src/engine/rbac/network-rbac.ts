/**
 * The network RBAC filter: connections are let in or closed before their first byte is acted on.
 *
 * Source: `envoy.extensions.filters.network.rbac.v3.RBAC`. Conditions on a request never hold here. `CONTINUOUS` is the
 * same as once: nothing of a connection changes after its handshake.
 *
 * @module
 */
import type { NetworkRbac } from "../../xds/proto/filter-network-rbac.ts";
import { fieldPath, refuseOthers } from "../compile-error.ts";
import type { Observer } from "../observer.ts";
import { NO_REQUEST, type PeerView } from "../request.ts";
import type { Trace } from "../trace.ts";
import type { RemoteAddressOf } from "./principal.ts";
import { compileRules, type Verdict } from "./rules.ts";

const KNOWN = new Set(["rules", "shadowRules", "statPrefix", "shadowRulesStatPrefix", "enforcementType"]);
const ALLOWED: Verdict = { allowed: true, policy: undefined, details: "" };
const remoteOf: RemoteAddressOf = (_, peer) => peer.remote.address;

/**
 * A connection that is not allowed is closed with the verdict's details as its termination details.
 *
 * @throws {CompileError}
 */
export function compileNetworkRbac(
  config: NetworkRbac,
  path = "",
  observer?: Observer,
): (peer: PeerView, trace?: Trace) => Verdict {
  refuseOthers(config, path, KNOWN);
  const { rules: message, shadowRules, statPrefix = "", shadowRulesStatPrefix = "" } = config;
  const rules = message === undefined ? undefined : compileRules(message, remoteOf, false, fieldPath(path, "rules"));
  const shadow =
    shadowRules === undefined ? undefined : compileRules(shadowRules, remoteOf, true, fieldPath(path, "shadowRules"));
  return (peer, trace) => {
    if (shadow !== undefined && (observer !== undefined || trace !== undefined)) {
      const { allowed, policy } = shadow.evaluate(NO_REQUEST, peer, trace);
      observer?.rbac(shadowRulesStatPrefix || statPrefix, true, allowed, policy);
    }
    if (rules === undefined) return ALLOWED;
    const verdict = rules.evaluate(NO_REQUEST, peer, trace);
    observer?.rbac(statPrefix, false, verdict.allowed, verdict.policy);
    return verdict;
  };
}
