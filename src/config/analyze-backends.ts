/**
 * Policies of destinations that nobody is, or whose check cannot be made.
 *
 * @module
 */
import type { BackendPolicy } from "../model/backend-policy.ts";
import type { Service } from "../model/service.ts";
import { type Finding, hostCovers, type MeshIndex, where } from "./mesh-index.ts";
import { quote } from "./tree.ts";

export function analyzeBackends(index: MeshIndex): readonly Finding[] {
  const { backendPolicies, services } = index.mesh;
  return backendPolicies.flatMap((policy, i) => {
    const covered = services.filter(({ hostname }) => hostCovers(policy.host, hostname));
    if (covered.length === 0) return [warning(policy, "spec.host", `no Service has the host ${quote(policy.host)}`)];
    const earlier = backendPolicies.slice(0, i).find((it) => isSame(it, policy));
    if (earlier !== undefined)
      return [warning(policy, "spec.host", `has no effect: ${where(earlier.origin)} is for the same host`)];
    return covered.flatMap((service) => uncheckable(policy, service));
  });
}

const isSame = (a: BackendPolicy, b: BackendPolicy): boolean =>
  a.host === b.host && a.origin.namespace === b.origin.namespace;

/** gRPC is asked where HTTP/2 is spoken. */
function uncheckable(policy: BackendPolicy, { hostname, ports }: Service): readonly Finding[] {
  if (policy.healthCheck?.probe.t !== "grpc") return [];
  return ports
    .filter(({ protocol }) => !["grpc", "http2", "auto"].includes(protocol))
    .map(({ number, protocol }) => {
      const message = `is not asked at port ${number} of ${hostname}, whose protocol is ${protocol}: name the port grpc-… or http2-…`;
      return warning(policy, "spec.healthCheck.grpc", message);
    });
}

const warning = ({ origin }: BackendPolicy, path: string, message: string): Finding => ({
  severity: "warning",
  origin,
  path,
  message,
});
