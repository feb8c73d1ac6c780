/**
 * `envoy.service.discovery.v3`: the messages of xDS.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { of } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { map } from "../types/map-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { ControlPlane, Metadata, Node } from "./core-base.ts";
import { Status } from "./rpc-status.ts";

export const DiscoveryResourceLocator = message("envoy.service.discovery.v3.ResourceLocator", {
  name: string(1),
  dynamicParameters: map(string(2)),
});
export type DiscoveryResourceLocator = Infer<typeof DiscoveryResourceLocator>;

export const ResourceName = message("envoy.service.discovery.v3.ResourceName", {
  name: string(1),
});
export type ResourceName = Infer<typeof ResourceName>;

export const DiscoveryRequest = message("envoy.service.discovery.v3.DiscoveryRequest", {
  versionInfo: string(1),
  node: of(2, Node),
  resourceNames: repeated(string(3)),
  typeUrl: string(4),
  responseNonce: string(5),
  errorDetail: of(6, Status),
  resourceLocators: repeated(of(7, DiscoveryResourceLocator)),
});
export type DiscoveryRequest = Infer<typeof DiscoveryRequest>;

export const DiscoveryResponse = message("envoy.service.discovery.v3.DiscoveryResponse", {
  versionInfo: string(1),
  resources: repeated(any(2)),
  canary: bool(3),
  typeUrl: string(4),
  nonce: string(5),
  controlPlane: of(6, ControlPlane),
});
export type DiscoveryResponse = Infer<typeof DiscoveryResponse>;

export const DeltaDiscoveryRequest = message("envoy.service.discovery.v3.DeltaDiscoveryRequest", {
  node: of(1, Node),
  typeUrl: string(2),
  resourceNamesSubscribe: repeated(string(3)),
  resourceNamesUnsubscribe: repeated(string(4)),
  initialResourceVersions: map(string(5)),
  responseNonce: string(6),
  errorDetail: of(7, Status),
  resourceLocatorsSubscribe: repeated(of(8, DiscoveryResourceLocator)),
  resourceLocatorsUnsubscribe: repeated(of(9, DiscoveryResourceLocator)),
});
export type DeltaDiscoveryRequest = Infer<typeof DeltaDiscoveryRequest>;

export const ResourceCacheControl = message("envoy.service.discovery.v3.Resource.CacheControl", {
  doNotCache: bool(1),
});
export type ResourceCacheControl = Infer<typeof ResourceCacheControl>;

export const Resource = message("envoy.service.discovery.v3.Resource", {
  version: string(1),
  resource: any(2),
  name: string(3),
  aliases: repeated(string(4)),
  ttl: duration(6),
  cacheControl: of(7, ResourceCacheControl),
  resourceName: of(8, ResourceName),
  metadata: of(9, Metadata),
});
export type Resource = Infer<typeof Resource>;

export const DeltaDiscoveryResponse = message("envoy.service.discovery.v3.DeltaDiscoveryResponse", {
  systemVersionInfo: string(1),
  resources: repeated(of(2, Resource)),
  typeUrl: string(4),
  nonce: string(5),
  removedResources: repeated(string(6)),
  controlPlane: of(7, ControlPlane),
  removedResourceNames: repeated(of(8, ResourceName)),
});
export type DeltaDiscoveryResponse = Infer<typeof DeltaDiscoveryResponse>;
