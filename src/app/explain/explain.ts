/**
 * What would happen to a request, without a running mesh: documents are translated and compiled as for real proxies, and
 * the engine that decides for traffic decides here, with its reasons.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Service, ServicePort } from "../../model/service.ts";
import { isHost } from "../../wire/http1/request-head.ts";
import { isBehind } from "../../translate/mesh-index.ts";
import { namesOf } from "../../translate/domains.ts";
import { arrive, type Caller } from "./arrival.ts";
import { destinationOf, endpointOf, outcomeOf, together, worstOf } from "./destination.ts";
import type { DestinationExplanation, Explanation, ExplainRequest, Outcome } from "./explanation.ts";
import { type Routed, routeRequest } from "./routing.ts";
import { SimulatedMesh } from "./simulated-mesh.ts";
import { SimulatedRequest } from "./simulated-request.ts";
import { summaryOf } from "./summary.ts";

/** @throws {RangeError} When the request names a workload that is not there, or is no HTTP request. */
export function explain(mesh: Mesh, asked: ExplainRequest): Explanation {
  const simulated = new SimulatedMesh(mesh);
  const url = readUrl(asked.url);
  const request = readRequest(asked, url);
  return asked.from === undefined
    ? fromOutside(simulated, asked, request)
    : fromWorkload(simulated, asked, asked.from, request);
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" && isHost(url.host)) return url;
  throw new RangeError(`the URL must be like http://reviews:9080/reviews/1, found ${JSON.stringify(text)}`);
}

function readRequest({ method, headers }: ExplainRequest, url: URL): SimulatedRequest {
  const lines = new Map<string, string>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const before = lines.get(key);
    lines.set(key, before === undefined ? value : `${before},${value}`);
  }
  const host = lines.get("host") ?? url.host;
  lines.delete("host");
  return new SimulatedRequest(method, `${url.pathname}${url.search}`, host, lines);
}

function fromWorkload(
  simulated: SimulatedMesh,
  asked: ExplainRequest,
  name: string,
  sent: SimulatedRequest,
): Explanation {
  const from = simulated.find(name);
  const routed = routeRequest(simulated.resourcesOf(from), sent);
  const destinations = routed.ways.map((way) => destinationOf(simulated, from, way, routed.request));
  const outcome = outcomeOfRouted(routed, destinations);
  return {
    request: described(asked, sent, from.workload.name, simulated.identityOf(from)),
    routing: routed.routing,
    destinations,
    outcome,
    summary: summaryOf(outcome, routed.routing, destinations),
  };
}

function outcomeOfRouted({ end }: Routed, destinations: readonly DestinationExplanation[]): Outcome {
  switch (end) {
    case "forwarded":
      return worstOf(destinations);
    case "aborted":
      return "fails";
    default:
      return end;
  }
}

/** A client that dials the service's endpoints itself: no rule of a VirtualService holds for it. */
function fromOutside(simulated: SimulatedMesh, asked: ExplainRequest, sent: SimulatedRequest): Explanation {
  const request = described(asked, sent, undefined, undefined);
  const called = serviceAt(simulated.mesh, sent.authority);
  if (called === undefined) {
    const summary = summaryOf("noRoute", undefined, []);
    return { request, routing: undefined, destinations: [], outcome: "noRoute", summary };
  }
  const destination = dialed(simulated, called.service, called.port, sent);
  const { outcome } = destination;
  return {
    request,
    routing: undefined,
    destinations: [destination],
    outcome,
    summary: summaryOf(outcome, undefined, [destination]),
  };
}

const OUTSIDE: Caller = { tls: undefined, tlsReason: "a client outside of the mesh has no proxy", identity: undefined };

function dialed(
  simulated: SimulatedMesh,
  service: Service,
  port: ServicePort,
  sent: SimulatedRequest,
): DestinationExplanation {
  const behind = simulated.instances.filter((i) => isBehind(service, i.workload));
  const arrivals = behind.flatMap((instance) => {
    const at = instance.ports.find((p) => p.targetPort === port.targetPort);
    return at === undefined ? [] : [arrive(simulated, instance, at, OUTSIDE, sent)];
  });
  return {
    cluster: "",
    host: service.hostname,
    port: port.number,
    subset: undefined,
    share: 1,
    weight: undefined,
    destinationRule: undefined,
    loadBalancer: undefined,
    endpoints: behind.map((i) => endpointOf(i, service, port, undefined)),
    arrivals: together(arrivals),
    outcome: outcomeOf(arrivals),
  };
}

function serviceAt(
  mesh: Mesh,
  authority: string,
): { readonly service: Service; readonly port: ServicePort } | undefined {
  const [, host, number] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  for (const service of mesh.services) {
    const scope = { namespace: service.namespace, outboundSuffix: "", secretName: "" };
    const port = service.ports.find((p) => p.number === Number(number ?? 80));
    if (port !== undefined && namesOf(service.hostname, scope, mesh.settings.clusterDomain).includes(host ?? ""))
      return { service, port };
  }
  return undefined;
}

const described = (
  { method, url }: ExplainRequest,
  sent: SimulatedRequest,
  workload: string | undefined,
  identity: string | undefined,
): Explanation["request"] => ({ method, url, headers: Object.fromEntries(sent.headers), workload, identity });
