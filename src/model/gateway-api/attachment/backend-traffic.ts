/**
 * XBackendTrafficPolicies at the Services that they are for.
 *
 * @module
 */
import type { Mesh } from "../../mesh.ts";
import type { Service } from "../../service.ts";
import type { BackendTrafficPolicy } from "../policy.ts";
import type { BackendTrafficOutcome } from "./attachment.ts";
import { targetsOf } from "./backend-tls.ts";
import { byAge } from "./precedence.ts";
import type { References } from "./resolve.ts";

/** In the order of precedence: of two policies for the same Service the first holds. */
export function backendTraffic(mesh: Mesh, references: References): readonly BackendTrafficOutcome[] {
  const taken = new Map<string, BackendTrafficPolicy>();
  return mesh.gatewayApi.backendTrafficPolicies
    .toSorted((a, b) => byAge(a.meta, b.meta))
    .map((policy) => ({ policy, targets: targetsOf(policy, references, taken) }));
}

/** The policy that holds for calls to a Service. */
export const backendTrafficAt = (
  outcomes: readonly BackendTrafficOutcome[],
  { hostname, namespace }: Pick<Service, "hostname" | "namespace">,
): BackendTrafficPolicy | undefined =>
  outcomes.find(({ targets }) =>
    targets.some(
      ({ fault, services }) =>
        fault === undefined && services.some((it) => it.hostname === hostname && it.namespace === namespace),
    ),
  )?.policy;
