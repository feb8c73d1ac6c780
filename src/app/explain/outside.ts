/**
 * What is known of endpoints that run under no workload of the mesh: where they stand, or how they are looked up. What they answer is not known.
 *
 * @module
 */
import type { CompiledCluster } from "../../engine/cluster/cluster.ts";
import type { Subset } from "../../model/destination-rule.ts";
import { selects } from "../../model/match.ts";
import { type Service, type ServiceEndpoint, type ServicePort, UNIX_PREFIX } from "../../model/service.ts";
import { PASSTHROUGH_CLUSTER } from "../../translate/discovery.ts";
import type { EndpointExplanation } from "./explanation.ts";

/** How the endpoints of a cluster outside of the mesh are found; undefined where all of them are workloads. */
export function howFound(cluster: CompiledCluster, service: Service | undefined): string | undefined {
  if (cluster.name === PASSTHROUGH_CLUSTER)
    return "no service of the mesh has this host; outboundTrafficPolicy ALLOW_ANY lets it through, and its name is looked up when it is called";
  if (cluster.dynamic !== undefined)
    return `${service?.hostname ?? "its service"} leads to the host that the request names, which is looked up when it is called`;
  if (cluster.namedEndpoints !== undefined)
    return cluster.namedEndpoints.isLogical
      ? "the caller's proxy looks its name up, and calls the first address"
      : "the caller's proxy looks its names up, and calls every address";
  return service !== undefined && service.endpoints.length > 0 ? "documents list its endpoints" : undefined;
}

/** Those that documents list, whether the subset selects them or not. */
export function listedEndpoints(
  service: Service | undefined,
  port: ServicePort | undefined,
  subset: Subset | undefined,
): readonly EndpointExplanation[] {
  if (service === undefined || port === undefined) return [];
  return service.endpoints.map((endpoint) => listed(service, endpoint, port, subset));
}

function listed(
  { origin }: Service,
  endpoint: ServiceEndpoint,
  port: ServicePort,
  subset: Subset | undefined,
): EndpointExplanation {
  const { address, healthy, labels, name, namespace, ports } = endpoint;
  const number = ports.get(port.number);
  const workload = address.startsWith(UNIX_PREFIX) ? address : `${address}:${number ?? port.number}`;
  const is = (used: boolean, reason: string): EndpointExplanation => ({ workload, used, reason });
  if (number === undefined) return is(false, `it does not serve port ${port.number}`);
  if (!healthy) return is(false, "it is not ready");
  if (subset !== undefined && !selects(subset.labels, labels))
    return is(false, `the subset ${subset.name} wants other labels`);
  const isOwn = name === origin.name && namespace === origin.namespace;
  return is(
    true,
    isOwn ? `${origin.kind} ${namespace}/${name} lists it` : `the service has it by ${namespace}/${name}`,
  );
}
