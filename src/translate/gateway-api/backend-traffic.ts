/**
 * What XBackendTrafficPolicies say of calls to a service, whatever route leads there.
 *
 * @module
 */
import { backendTrafficAt } from "../../model/gateway-api/attachment/backend-traffic.ts";
import type { BackendTrafficPolicy } from "../../model/gateway-api/policy.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Service } from "../../model/service.ts";
import type { Route } from "../../xds/proto/route.ts";
import type { DestinationPolicy } from "../destination-policy.ts";
import { serviceOf } from "../mesh-index.ts";
import { lookUp } from "../reads.ts";
import { sessionConfig } from "../stateful-session.ts";
import { attachedTo } from "./attached.ts";

export const trafficPolicyFor = (mesh: Mesh, service: Service): BackendTrafficPolicy | undefined =>
  lookUp(mesh, policyAt, service.hostname, service.namespace);

const policyAt = (mesh: Mesh, hostname: string, namespace: string): BackendTrafficPolicy | undefined =>
  mesh.gatewayApi.backendTrafficPolicies.length === 0
    ? undefined
    : backendTrafficAt(attachedTo(mesh).backendTraffic, { hostname, namespace });

/** A DestinationRule's own budget comes first. */
export function withRetryConstraint(policy: DestinationPolicy, mesh: Mesh, service: Service): DestinationPolicy {
  if (policy.retryBudget !== undefined) return policy;
  const retryBudget = trafficPolicyFor(mesh, service)?.retryBudget;
  return retryBudget === undefined ? policy : { ...policy, retryBudget };
}

/** Of a route to these hosts that says nothing of sessions: the first of them that has a policy has it for all. */
export function policySessions(mesh: Mesh, hosts: readonly string[]): Pick<Route, "typedPerFilterConfig"> {
  const policies = hosts.flatMap((host) => {
    const service = serviceOf(mesh, host);
    const policy = service && trafficPolicyFor(mesh, service);
    return policy?.sessionPersistence === undefined ? [] : [{ ...policy, session: policy.sessionPersistence }];
  });
  const [first] = policies;
  if (first === undefined) return {};
  const { meta, session } = first;
  const fallbackName = `tulle-session-${meta.namespace}-${meta.name}`;
  // Requests of any path may lead there, so the cookie says none.
  return { typedPerFilterConfig: sessionConfig(session, { fallbackName, path: "", backends: hosts.length }) };
}
