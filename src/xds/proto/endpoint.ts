/**
 * `envoy.config.endpoint.v3`: the endpoints of a cluster.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { map } from "../types/map-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string, uint32, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { Address } from "./core-address.ts";
import { Locality, Metadata } from "./core-base.ts";
import { HealthStatus } from "./core-health-check.ts";
import { FractionalPercent } from "./type.ts";

export const HealthCheckConfig = message("envoy.config.endpoint.v3.Endpoint.HealthCheckConfig", {
  portValue: uint32(1),
  hostname: string(2),
  address: of(3, Address),
  disableActiveHealthCheck: bool(4),
});
export type HealthCheckConfig = Infer<typeof HealthCheckConfig>;

export const EndpointAdditionalAddress = message("envoy.config.endpoint.v3.Endpoint.AdditionalAddress", {
  address: of(1, Address),
});
export type EndpointAdditionalAddress = Infer<typeof EndpointAdditionalAddress>;

export const Endpoint = message("envoy.config.endpoint.v3.Endpoint", {
  address: of(1, Address),
  healthCheckConfig: of(2, HealthCheckConfig),
  hostname: string(3),
  additionalAddresses: repeated(of(4, EndpointAdditionalAddress)),
});
export type Endpoint = Infer<typeof Endpoint>;

export const LbEndpoint = message("envoy.config.endpoint.v3.LbEndpoint", {
  ...oneof("host_identifier", {
    endpoint: of(1, Endpoint),
    endpointName: string(5),
  }),
  healthStatus: of(2, HealthStatus),
  metadata: of(3, Metadata),
  loadBalancingWeight: uint32Value(4),
});
export type LbEndpoint = Infer<typeof LbEndpoint>;

export const LocalityLbEndpointsLbEndpointList = message(
  "envoy.config.endpoint.v3.LocalityLbEndpoints.LbEndpointList",
  {
    lbEndpoints: repeated(of(1, LbEndpoint)),
  },
);
export type LocalityLbEndpointsLbEndpointList = Infer<typeof LocalityLbEndpointsLbEndpointList>;

export const LocalityLbEndpoints = message("envoy.config.endpoint.v3.LocalityLbEndpoints", {
  locality: of(1, Locality),
  lbEndpoints: repeated(of(2, LbEndpoint)),
  loadBalancingWeight: uint32Value(3),
  priority: uint32(5),
  proximity: uint32Value(6),
  ...oneof("lb_config", {
    loadBalancerEndpoints: of(7, LocalityLbEndpointsLbEndpointList),
  }),
  metadata: of(9, Metadata),
});
export type LocalityLbEndpoints = Infer<typeof LocalityLbEndpoints>;

export const DropOverload = message("envoy.config.endpoint.v3.ClusterLoadAssignment.Policy.DropOverload", {
  category: string(1),
  dropPercentage: of(2, FractionalPercent),
});
export type DropOverload = Infer<typeof DropOverload>;

export const ClusterLoadAssignmentPolicy = message("envoy.config.endpoint.v3.ClusterLoadAssignment.Policy", {
  dropOverloads: repeated(of(2, DropOverload)),
  overprovisioningFactor: uint32Value(3),
  endpointStaleAfter: duration(4),
  weightedPriorityHealth: bool(6),
});
export type ClusterLoadAssignmentPolicy = Infer<typeof ClusterLoadAssignmentPolicy>;

export const ClusterLoadAssignment = message("envoy.config.endpoint.v3.ClusterLoadAssignment", {
  clusterName: string(1),
  endpoints: repeated(of(2, LocalityLbEndpoints)),
  policy: of(4, ClusterLoadAssignmentPolicy),
  namedEndpoints: map(of(5, Endpoint)),
});
export type ClusterLoadAssignment = Infer<typeof ClusterLoadAssignment>;
