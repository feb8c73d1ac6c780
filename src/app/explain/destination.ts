/**
 * One destination of a request: its endpoints, with the reason for each, and what awaits the request there.
 *
 * @module
 */
import { hashes } from "../../engine/cluster/balancer.ts";
import type { CompiledCluster } from "../../engine/cluster/cluster.ts";
import { type Endpoint } from "../../engine/cluster/endpoint.ts";
import { EndpointSet } from "../../engine/cluster/endpoints.ts";
import type { LocalityPart } from "../../engine/cluster/localities.ts";
import type { CheckSettings } from "../../engine/health/health-check.ts";
import type { Subset } from "../../model/destination-rule.ts";
import { type Locality, localityName } from "../../model/locality.ts";
import { selects } from "../../model/match.ts";
import type { Instance, Service, ServicePort } from "../../model/service.ts";
import { callerOf } from "../../translate/caller.ts";
import { backendPolicyFor } from "../../translate/backend-policy.ts";
import { backendTlsFor } from "../../translate/gateway-api/backend-tls.ts";
import { destinationRuleFor, policyFor } from "../../translate/destination-policy.ts";
import { isBehind } from "../../translate/mesh-index.ts";
import { type Source, sourceOf } from "../../translate/source.ts";
import type { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { arrive, type Caller } from "./arrival.ts";
import type { Arrival, DestinationExplanation, EndpointExplanation, HeaderEdit, Outcome } from "./explanation.ts";
import { howFound, listedEndpoints } from "./outside.ts";
import type { SimulatedMesh } from "./simulated-mesh.ts";
import { seenBy, type SimulatedRequest } from "./simulated-request.ts";
import { calledIn, peersOf, zoneInWords, zonesOf } from "./zones.ts";

/** A cluster's name, read back. */
interface Called {
  readonly cluster: string;
  readonly host: string;
  readonly port: number;
  readonly subset: string | undefined;
}

/** Which part of the calls goes to a cluster. */
export interface Share {
  readonly clusterName: string;
  /** 0 to 1. */
  readonly share: number;
  /** `weight 90 of 100`; undefined for the only one. */
  readonly weight: string | undefined;
  /** Which key chooses the endpoint, where the balancer hashes: `by header x-user "ann"`. */
  readonly hashedBy?: string | undefined;
  /** What becomes of the answer's headers. */
  readonly answerEdits?: readonly HeaderEdit[];
}

/**
 * What one of the caller's ways leads to.
 *
 * @param request As the destination sees it; undefined for a TCP connection.
 */
export function destinationOf(
  simulated: SimulatedMesh,
  from: Instance,
  way: Share,
  request: SimulatedRequest | undefined,
): DestinationExplanation {
  const resources = simulated.resourcesOf(from);
  const called = readName(way.clusterName);
  const message = resources.clusters.find((c) => c.name === called.cluster);
  const common = {
    ...called,
    share: way.share,
    weight: way.weight,
    seen: request && seenBy(request),
    answerEdits: way.answerEdits ?? [],
    destinationRule: resources.sources.clusters[called.cluster],
  };
  if (message === undefined)
    return {
      ...common,
      loadBalancer: undefined,
      retryBudget: undefined,
      endpoints: [],
      arrivals: [],
      outcome: "fails",
    };
  const cluster = simulated.compiled.cluster(message);
  const zoned = cluster.localities?.t === "zoneAware" ? cluster.localities : undefined;
  const peers = () => peersOf(cluster, resources, from);
  const set = new EndpointSet({ panicPercent: cluster.healthyPanicPercent, localities: zoned, peers });
  const assignment = resources.endpoints.find((e) => e.clusterName === cluster.edsServiceName) ?? {};
  set.update(assignment);
  const zones = zonesOf(cluster, set);
  const usable = calledIn(zones, set);
  const tlsReason = reasonForTls(simulated, from, called);
  const arrivals = usable.flatMap((endpoint) => {
    const caller: Caller = { tls: cluster.tlsOf(endpoint), tlsReason, identity: simulated.identityOf(from) };
    return arrivalAt(simulated, endpoint, caller, request);
  });
  const service = simulated.mesh.services.find((s) => s.hostname === called.host);
  const outside = howFound(cluster, service);
  const listed = listedFor(simulated, from, called, service);
  const isFound = outside !== undefined && (listed.length === 0 || listed.some(({ used }) => used));
  return {
    ...common,
    loadBalancer: cluster.dynamic === undefined ? balancerInWords(cluster, way) : undefined,
    healthCheck: cluster.check && {
      what: checkInWords(cluster.check),
      source: checkSource(simulated, from, called),
    },
    retryBudget: cluster.limits.default.retryBudget,
    outside,
    endpoints: [...endpointsOf(simulated, from, called, { usable, assignment, zones }), ...listed],
    arrivals: together(arrivals),
    outcome: arrivals.length === 0 && isFound ? "allowed" : outcomeOf(arrivals),
  };
}

function listedFor(
  { mesh }: SimulatedMesh,
  from: Instance,
  called: Called,
  service: Service | undefined,
): readonly EndpointExplanation[] {
  const rule = service && destinationRuleFor(mesh, callerOf(mesh, from.workload), service);
  const subset = rule?.subsets.find((s) => s.name === called.subset);
  const port = service?.ports.find((p) => p.number === called.port);
  return listedEndpoints(service, port, subset);
}

const balancerInWords = ({ balancer }: CompiledCluster, { hashedBy }: Share): string =>
  hashes(balancer) ? `${BALANCERS[balancer.t]} ${hashedBy ?? "without a key: at random"}` : BALANCERS[balancer.t];

const BALANCERS: Readonly<Record<CompiledCluster["balancer"]["t"], string>> = {
  roundRobin: "round robin",
  leastRequest: "least request",
  random: "random",
  peakEwma: "peak EWMA",
  ringHash: "ring hash",
  maglev: "Maglev",
};

function checkInWords({ probe, intervals, unhealthyThreshold, healthyThreshold }: CheckSettings): string {
  const asked =
    probe.t === "http"
      ? `${probe.method} ${probe.path}`
      : probe.t === "grpc"
        ? `gRPC ${probe.service || "health"}`
        : "TCP";
  const failures = unhealthyThreshold === 1 ? "1 failure" : `${unhealthyThreshold} failures`;
  const passes = healthyThreshold === 1 ? "1 pass" : `${healthyThreshold} passes`;
  return `${asked} every ${intervals.intervalMs} ms, out after ${failures}, back after ${passes}`;
}

function checkSource({ mesh }: SimulatedMesh, from: Instance, called: Called): Source | undefined {
  const service = mesh.services.find((s) => s.hostname === called.host);
  const policy = service && backendPolicyFor(mesh, from.workload.namespace, service);
  return policy && sourceOf(policy.origin);
}

function readName(cluster: string): Called {
  const [, port, subset, host] = cluster.split("|");
  // A port that may speak HTTP or not has a cluster for each.
  return { cluster, host: host?.replace(/@.*/, "") ?? cluster, port: Number(port), subset: subset || undefined };
}

function reasonForTls({ mesh }: SimulatedMesh, from: Instance, called: Called): string {
  const service = mesh.services.find((s) => s.hostname === called.host);
  const rule = service && destinationRuleFor(mesh, callerOf(mesh, from.workload), service);
  const subset = rule?.subsets.find((s) => s.name === called.subset);
  const { tls } = policyFor(rule, subset, called.port);
  const port = service?.ports.find((p) => p.number === called.port);
  const backend = service && port && backendTlsFor(mesh, from.workload.gateway !== undefined, service, port);
  if (backend !== undefined) return `BackendTLSPolicy ${backend.policy.meta.namespace}/${backend.policy.meta.name}`;
  if (tls === undefined) return "automatic: as the server's proxy takes it";
  return `DestinationRule ${rule?.origin.namespace}/${rule?.origin.name} says ${tls.mode}`;
}

function arrivalAt(
  simulated: SimulatedMesh,
  endpoint: Endpoint,
  caller: Caller,
  request: SimulatedRequest | undefined,
): Arrival[] {
  const instance = simulated.at(endpoint.port);
  const port = instance?.ports.find((p) => p.inbound.port === endpoint.port);
  return instance === undefined || port === undefined ? [] : [arrive(simulated, instance, port, caller, request)];
}

interface Balanced {
  readonly usable: readonly Endpoint[];
  readonly assignment: ClusterLoadAssignment;
  readonly zones: readonly LocalityPart[] | undefined;
}

/** Every workload of the service, used or not. */
function endpointsOf(
  { mesh, instances }: SimulatedMesh,
  from: Instance,
  called: Called,
  { usable, assignment, zones }: Balanced,
): readonly EndpointExplanation[] {
  const service = mesh.services.find((s) => s.hostname === called.host);
  const port = service?.ports.find((p) => p.number === called.port);
  if (service === undefined || port === undefined) return [];
  const rule = destinationRuleFor(mesh, callerOf(mesh, from.workload), service);
  const subset = rule?.subsets.find((s) => s.name === called.subset);
  return instances
    .filter((i) => isBehind(service, i.workload))
    .map((instance) => {
      const told = endpointOf(instance, service, port, subset);
      const used = usable.some(({ port: at }) => instance.ports.some((p) => at === p.inbound.port));
      const isHere = ({ port: at }: Endpoint): boolean => instance.ports.some((p) => at === p.inbound.port);
      const later = told.used
        ? (standsBehind(assignment, instance) ?? (zones && zoneInWords(zones, isHere)))
        : undefined;
      return { ...told, used, reason: later === undefined ? told.reason : `${told.reason}; ${later}` };
    });
}

const whereabouts = (locality: Locality | undefined): string => (locality && localityName(locality)) || "no locality";

/** Of an endpoint whose locality, or whose labels, let others go first. */
function standsBehind({ endpoints = [] }: ClusterLoadAssignment, instance: Instance): string | undefined {
  const { ports, workload } = instance;
  const group = endpoints.find(({ lbEndpoints = [] }) =>
    lbEndpoints.some(({ endpoint }) =>
      ports.some((p) => p.inbound.port === endpoint?.address?.socketAddress?.portValue),
    ),
  );
  if (group === undefined && endpoints.length > 0)
    return `in ${whereabouts(workload.locality)}: localityLbSetting.distribute gives it nothing from here`;
  const { priority = 0 } = group ?? {};
  if (priority === 0) return undefined;
  return `in ${whereabouts(workload.locality)}, of priority ${priority}: called when those before it are not well`;
}

/** Whether the service, and the subset, select the instance. */
export function endpointOf(
  { workload, ports }: Instance,
  service: Service,
  port: ServicePort,
  subset: Subset | undefined,
): EndpointExplanation {
  const is = (used: boolean, reason: string): EndpointExplanation => ({ workload: workload.name, used, reason });
  if (!ports.some((p) => p.targetPort === port.targetPort))
    return is(false, `it does not serve port ${port.targetPort}`);
  if (subset === undefined) return is(true, `the service selects ${labels(service.selector)}`);
  if (selects(subset.labels, workload.labels))
    return is(true, `the subset ${subset.name} selects ${labels(subset.labels)}`);
  const differs = Object.entries(subset.labels).find(([name, value]) => workload.labels[name] !== value);
  const [key, wanted] = differs ?? ["", ""];
  return is(
    false,
    `the subset ${subset.name} wants ${key}=${wanted}, found ${workload.labels[key] ?? "no such label"}`,
  );
}

const labels = (wanted: Readonly<Record<string, string>>): string =>
  Object.entries(wanted)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");

/** Arrivals that differ in nothing but the workload. */
export function together(arrivals: readonly Arrival[]): readonly Arrival[] {
  const groups = new Map<string, Arrival>();
  for (const arrival of arrivals) {
    const key = JSON.stringify({ ...arrival, workloads: [] });
    const known = groups.get(key);
    groups.set(
      key,
      known === undefined ? arrival : { ...known, workloads: [...known.workloads, ...arrival.workloads] },
    );
  }
  return [...groups.values()];
}

export function outcomeOf(arrivals: readonly Pick<Arrival, "outcome">[]): Outcome {
  if (arrivals.some((a) => a.outcome === "denied")) return "denied";
  return arrivals.length === 0 || arrivals.some((a) => a.outcome === "fails") ? "fails" : "allowed";
}

/** Of several destinations: `denied` wins over `fails`, and that over `allowed`. */
export function worstOf(destinations: readonly Pick<DestinationExplanation, "outcome">[]): Outcome {
  const outcomes = destinations.map((d) => d.outcome);
  return (
    (["denied", "fails"] as const).find((o) => outcomes.includes(o)) ?? (outcomes.length === 0 ? "fails" : "allowed")
  );
}
