/**
 * Everything that the documents of the Gateway API say.
 *
 * @module
 */
import type { GatewayClass, KubernetesGateway, ListenerSet } from "./gateway.ts";
import type { BackendTlsPolicy, BackendTrafficPolicy, ReferenceGrant } from "./policy.ts";
import type { GatewayRoute } from "./route.ts";

export interface GatewayApiDocuments {
  readonly classes: readonly GatewayClass[];
  readonly gateways: readonly KubernetesGateway[];
  readonly listenerSets: readonly ListenerSet[];
  readonly routes: readonly GatewayRoute[];
  readonly grants: readonly ReferenceGrant[];
  readonly backendTlsPolicies: readonly BackendTlsPolicy[];
  readonly backendTrafficPolicies: readonly BackendTrafficPolicy[];
}
