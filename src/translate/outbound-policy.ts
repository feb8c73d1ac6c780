/**
 * What becomes of calls to hosts that no service of the mesh has: Istio's `outboundTrafficPolicy`.
 *
 * ALLOW_ANY: they go where their name leads; but a name that can only be the mesh's own, of its domain, with a namespace of it or without a
 * dot, is answered at once, with a sentence, in place of a lookup that must fail. REGISTRY_ONLY: that is the answer to all of them, with the status that Istio
 * gives.
 *
 * @module
 */
import type { Mesh, OutboundTrafficPolicy } from "../model/mesh.ts";
import type { Route, VirtualHost } from "../xds/proto/route.ts";
import type { Caller } from "./caller.ts";
import { isByRequest, PASSTHROUGH_CLUSTER } from "./discovery.ts";
import { lookUp } from "./reads.ts";
import { everything } from "./route-match.ts";
import type { Scope } from "./scope.ts";
import { connectTo } from "./tunnels.ts";

/** Of one caller: its Sidecar's, or the mesh's. */
export const outboundPolicyOf = (mesh: Mesh, caller: Caller): OutboundTrafficPolicy =>
  caller.sidecar?.outboundTrafficPolicy ?? mesh.settings.outboundTrafficPolicy;

/** Whether a caller's requests may name hosts that have to be looked up: where connections are captured, only for services that say so. */
export const namesHosts = (mesh: Mesh, caller: Caller & Pick<Scope, "captured">): boolean =>
  caller.captured
    ? lookUp(mesh, hasNamesToLookUp)
    : outboundPolicyOf(mesh, caller) === "ALLOW_ANY" || lookUp(mesh, hasHostsByRequest);

const hasHostsByRequest = ({ services }: Mesh): boolean => services.some(isByRequest);
const hasNamesToLookUp = ({ services }: Mesh): boolean =>
  services.some(({ resolution }) => resolution === "DYNAMIC_DNS");

/** The virtual host of all other hosts, by Istio's names. */
export const otherHosts = (mesh: Mesh, caller: Caller): VirtualHost =>
  outboundPolicyOf(mesh, caller) === "ALLOW_ANY" ? allowAny(mesh) : blockAll;

export const refused = (name: string, match: Route["match"]): Route => ({
  name,
  match,
  directResponse: { status: 502, body: { inlineString: "no service of the mesh has this host and port\n" } },
});

export const blockAll: VirtualHost = {
  name: "block_all",
  domains: ["*"],
  routes: [refused("block_all", everything)],
  includeRequestAttemptCount: true,
};

export const passedOn: Route = { route: { cluster: PASSTHROUGH_CLUSTER, timeout: 0, maxGrpcTimeout: 0 } };

const named = (regex: string): NonNullable<Route["match"]> => ({
  ...everything,
  headers: [{ name: ":authority", stringMatch: { safeRegex: { regex } } }],
});

const allowAny = (mesh: Mesh): VirtualHost => ({
  name: "allow_any",
  domains: ["*"],
  routes: [
    { ...passedOn, name: "allow_localhost", match: named("(?i)localhost(:[0-9]+)?") },
    refused("block_mesh", named(ownNames(mesh))),
    { ...passedOn, name: "allow_any", match: everything },
    refused("block_connect", { connectMatcher: {}, headers: named(ownNames(mesh)).headers }),
    connectTo("allow_connect", PASSTHROUGH_CLUSTER),
  ],
  includeRequestAttemptCount: true,
});

/** `x`, `x.shop`, `x.shop.svc` and what ends with the mesh's domain, with a port or without. */
function ownNames(mesh: Mesh): string {
  const namespaces = new Set([...mesh.services, ...mesh.workloads].map(({ namespace }) => namespace));
  const near = [...namespaces].sort().map(escaped).join("|");
  const domain = escaped(mesh.settings.clusterDomain);
  return `(?i)([^.:]+(\\.(${near}))?|.*\\.svc|.*\\.svc\\.${domain})\\.?(:[0-9]+)?`;
}

const escaped = (text: string): string => text.replace(/[.\\+*?()|[\]{}^$]/g, "\\$&");
