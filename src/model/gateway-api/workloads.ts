/**
 * Which gateway workloads serve a Gateway of the Gateway API, and those that nobody wrote.
 *
 * Source: the specification's labels for what an implementation makes for a Gateway; Istio's names, and its way to point a Gateway
 * at gateways that are there by `addresses`.
 *
 * @module
 */
import { noTopology } from "../gateway.ts";
import { selects } from "../match.ts";
import type { Mesh } from "../mesh.ts";
import type { Service, Workload } from "../service.ts";
import { controllerOf, defaultControllers } from "./attachment/controllers.ts";
import type { KubernetesGateway } from "./gateway.ts";

export const GATEWAY_NAME_LABEL = "gateway.networking.k8s.io/gateway-name";
const GATEWAY_CLASS_LABEL = "gateway.networking.k8s.io/gateway-class-name";

/** Whether `workload`, a gateway, serves `gateway`: as one behind the Service that its addresses name, else by its label. */
export function servesGateway(services: readonly Service[], workload: Workload, gateway: KubernetesGateway): boolean {
  if (workload.gateway === undefined) return false;
  const named = gateway.addresses.filter(({ type }) => type === "Hostname");
  if (named.length > 0)
    return services.some(
      (service) =>
        named.some(({ value }) => isNamed(service, value, gateway.meta.namespace)) && isBehind(service, workload),
    );
  const { namespace, name } = gateway.meta;
  return workload.namespace === namespace && workload.labels[GATEWAY_NAME_LABEL] === name;
}

/** A short name is one of the Gateway's own namespace. */
const isNamed = ({ hostname, name, namespace }: Service, value: string | undefined, own: string): boolean =>
  value === hostname ||
  value === `${name}.${namespace}.svc` ||
  value === `${name}.${namespace}` ||
  (value === name && namespace === own);

const isBehind = ({ namespace, selector }: Service, workload: Workload): boolean =>
  namespace === workload.namespace && Object.keys(selector).length > 0 && selects(selector, workload.labels);

/** With a gateway workload for each Gateway of ours that has none; the mesh itself where all have. */
export function withGatewayWorkloads(mesh: Mesh): Mesh {
  const missing = mesh.gatewayApi.gateways.filter(
    (gateway) =>
      controllerOf(mesh, defaultControllers, gateway.className) !== undefined &&
      gateway.addresses.every(({ type }) => type !== "Hostname") &&
      !mesh.workloads.some((workload) => servesGateway(mesh.services, workload, gateway)),
  );
  if (missing.length === 0) return mesh;
  return { ...mesh, workloads: [...mesh.workloads, ...missing.map(workloadFor)] };
}

const MAX_NAME = 63;
const HASH_DIGITS = 8;

/** Istio's `<gateway>-<class>`; one too long for a name ends with a hash in place of its end. */
function workloadName(gateway: string, className: string): string {
  const whole = `${gateway}-${className}`;
  if (whole.length <= MAX_NAME) return whole;
  // FNV-1a.
  let hash = 0x811c9dc5;
  for (const char of whole) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
  return `${whole.slice(0, MAX_NAME - HASH_DIGITS - 1)}-${hash.toString(16).padStart(HASH_DIGITS, "0")}`;
}

function workloadFor({ meta, className, infrastructure }: KubernetesGateway): Workload {
  const name = workloadName(meta.name, className);
  return {
    origin: meta.origin,
    name,
    namespace: meta.namespace,
    labels: { ...infrastructure.labels, [GATEWAY_NAME_LABEL]: meta.name, [GATEWAY_CLASS_LABEL]: className },
    serviceAccount: name,
    ports: [],
    portNumbers: {},
    portProtocols: {},
    locality: undefined,
    gateway: { topology: noTopology },
    process: undefined,
  };
}
