/**
 * What would happen to a request, without a running mesh: documents are translated and compiled as for real proxies, and
 * the engine that decides for traffic decides here, with its reasons.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import { isHost } from "../../wire/http1/request-head.ts";
import { maySpeakHttp } from "../../translate/mesh-index.ts";
import { explainConnection } from "./connection.ts";
import { destinationOf, worstOf } from "./destination.ts";
import { dialed, serviceAt } from "./dialed.ts";
import type { DestinationExplanation, Explanation, ExplainRequest, Outcome } from "./explanation.ts";
import { type Routed, routeRequest } from "./routing.ts";
import { SimulatedMesh } from "./simulated-mesh.ts";
import { SimulatedRequest } from "./simulated-request.ts";
import { summaryOf } from "./summary.ts";

/** @throws {RangeError} When the request names a workload that is not there, or is no HTTP request. */
export function explain(mesh: Mesh, asked: ExplainRequest): Explanation {
  const simulated = new SimulatedMesh(mesh);
  const url = readUrl(asked.url);
  if (url.protocol === "tcp:") return explainConnection(simulated, asked, url);
  const request = readRequest(asked, url);
  return asked.from === undefined
    ? fromOutside(simulated, asked, request)
    : fromWorkload(simulated, asked, asked.from, request);
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ["http:", "tcp:"].includes(url.protocol) && isHost(url.host)) return url;
  throw new RangeError(
    `the URL must be like http://reviews:9080/reviews/1 or tcp://mongodb:27017, found ${JSON.stringify(text)}`,
  );
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
  return new SimulatedRequest(method ?? "GET", `${url.pathname}${url.search}`, host, lines);
}

function fromWorkload(
  simulated: SimulatedMesh,
  asked: ExplainRequest,
  name: string,
  sent: SimulatedRequest,
): Explanation {
  const from = simulated.find(name);
  const routed = routeRequest(simulated.resourcesOf(from), sent);
  const destinations = routed.ways.map(({ forward, share, weight }) => {
    const way = { clusterName: forward.clusterName, share, weight };
    return destinationOf(simulated, from, way, routed.request.forwardedBy(forward));
  });
  const outcome = outcomeOfRouted(routed, destinations);
  return {
    request: described(asked, sent, from.workload.name, simulated.identityOf(from)),
    routing: routed.routing,
    destinations,
    outcome,
    summary:
      (outcome === "noRoute" ? opaquePort(simulated.mesh, sent.authority, from.workload.namespace) : undefined) ??
      summaryOf(outcome, routed.routing, destinations),
  };
}

/** What to ask instead where the port carries whatever bytes. */
function opaquePort(mesh: Mesh, authority: string, namespace: string): string | undefined {
  const called = serviceAt(mesh, authority, namespace);
  if (called === undefined || maySpeakHttp(called.port)) return undefined;
  const { port, service } = called;
  return `no route: port ${port.number} of ${service.hostname} is ${port.protocol.toUpperCase()}, whose bytes nobody looks into; ask about tcp://${authority}`;
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
  const called = serviceAt(simulated.mesh, sent.authority, undefined);
  if (called === undefined) {
    const summary = summaryOf("noRoute", undefined, []);
    return { request, routing: undefined, destinations: [], outcome: "noRoute", summary };
  }
  const destination = dialed(simulated, called, sent);
  const { outcome } = destination;
  return {
    request,
    routing: undefined,
    destinations: [destination],
    outcome,
    summary: summaryOf(outcome, undefined, [destination]),
  };
}

const described = (
  { method, url }: ExplainRequest,
  sent: SimulatedRequest,
  workload: string | undefined,
  identity: string | undefined,
): Explanation["request"] => ({
  method: method ?? "GET",
  url,
  headers: Object.fromEntries(sent.headers),
  workload,
  identity,
});
