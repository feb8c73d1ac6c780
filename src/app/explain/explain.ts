/**
 * What would happen to a request, without a running mesh: documents are translated and compiled as for real proxies, and
 * the engine that decides for traffic decides here, with its reasons.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Instance, Workload } from "../../model/service.ts";
import { isHost } from "../../wire/http1/request-head.ts";
import { NO_BACKEND } from "../../translate/gateway-api/request-action.ts";
import { maySpeakHttp } from "../../translate/mesh-index.ts";
import { explainConnection } from "./connection.ts";
import { destinationOf, worstOf } from "./destination.ts";
import { dialed, serviceAt } from "./dialed.ts";
import { entersAt, gatewayFor } from "./edge.ts";
import { invalidBackends, unattachedRoutes } from "./gateway-api.ts";
import type { DestinationExplanation, Explanation, ExplainRequest, Outcome } from "./explanation.ts";
import { outboundHttp, outsider, type Routed, routeRequest } from "./routing.ts";
import { hashedBy } from "./hashed-by.ts";
import { whyHidden } from "./hidden.ts";
import { misnamed } from "./misnamed.ts";
import { SimulatedMesh } from "./simulated-mesh.ts";
import { editOf, SimulatedRequest } from "./simulated-request.ts";
import { summaryOf } from "./summary.ts";

/** @throws {RangeError} When the request names a workload that is not there, or is no HTTP request. */
export const explain = (mesh: Mesh, asked: ExplainRequest): Explanation => explainerOf(mesh).explain(asked);

export interface Explainer {
  /** @throws {RangeError} As {@link explain}. */
  explain(asked: ExplainRequest): Explanation;
  /** Whether there is a workload, as `namespace/name`. */
  has(workload: string): boolean;
}

/** Answers questions about one mesh, which is translated and compiled once, as far as it is asked about. */
export function explainerOf(mesh: Mesh): Explainer {
  const simulated = new SimulatedMesh(mesh);
  return {
    explain: (asked) => explainIn(simulated, asked),
    has: (workload) => simulated.instances.some(({ id }) => id === workload),
  };
}

/** As {@link Explainer.explain}. */
export function explainIn(simulated: SimulatedMesh, asked: ExplainRequest): Explanation {
  const url = readUrl(asked.url);
  if (url.protocol === "tcp:") return explainConnection(simulated, asked, url);
  const request = readRequest(asked, url);
  if (asked.from === undefined) return fromOutside(simulated, asked, url, request);
  const from = simulated.find(asked.from);
  if (from.workload.gateway !== undefined) return throughGateway(simulated, asked, from, url, request);
  if (url.protocol === "http:") return fromWorkload(simulated, asked, from, request);
  throw new RangeError(
    `an application in the mesh calls plain HTTP, its proxy adds TLS: write http:, found ${asked.url}`,
  );
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ["http:", "https:", "tcp:"].includes(url.protocol) && isHost(url.host)) return url;
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
  from: Instance,
  sent: SimulatedRequest,
): Explanation {
  const routed = withReason(
    simulated,
    routeRequest(outboundHttp(simulated, from), sent, simulated.rulesFor(from, asked.brief)),
  );
  const destinations = destinationsOf(simulated, from, routed);
  const outcome = outcomeOfRouted(routed, destinations);
  return {
    request: described(asked, sent, from.workload.name, simulated.identityOf(from)),
    routing: routed.routing,
    destinations,
    mirrors: mirrorsOf(simulated, from, routed),
    outcome,
    summary:
      (outcome === "noRoute" ? noSuchHttp(simulated.mesh, from.workload, sent.authority) : undefined) ??
      summaryOf(outcome, routed.routing, destinations),
  };
}

const destinationsOf = (simulated: SimulatedMesh, from: Instance, routed: Routed): readonly DestinationExplanation[] =>
  routed.ways.map(({ forward, share, weight }) => {
    const way = {
      clusterName: forward.clusterName,
      share,
      weight,
      hashedBy: hashedBy(forward, routed.request),
      answerEdits: forward.responseHeaders.map(editOf),
    };
    const destination = destinationOf(simulated, from, way, routed.request.forwardedBy(forward));
    return forward.clusterName === NO_BACKEND ? noDestination(simulated, routed, destination) : destination;
  });

/** A rule of the Gateway API none of whose backends is there answers by itself. */
function withReason({ mesh }: SimulatedMesh, routed: Routed): Routed {
  const { reply, rules } = routed.routing;
  if (reply?.reason !== "direct_response") return routed;
  const reason = invalidBackends(mesh, rules.find((r) => r.matched)?.source);
  if (reason === undefined || reason === "") return routed;
  return { ...routed, routing: { ...routed.routing, reply: { ...reply, reason } } };
}

/** A backend of the Gateway API that is not there, or that the route may not call. */
function noDestination(
  { mesh }: SimulatedMesh,
  { routing }: Routed,
  of: DestinationExplanation,
): DestinationExplanation {
  const fault = invalidBackends(mesh, routing.rules.find((r) => r.matched)?.source);
  return fault === undefined ? of : { ...of, fault };
}

/** The copies of each way are alike but for headers that a destination has for itself: those of the first are looked at. */
function mirrorsOf(simulated: SimulatedMesh, from: Instance, routed: Routed): readonly DestinationExplanation[] {
  const [way] = routed.ways;
  return (way?.forward.route.mirrors?.shares ?? []).flatMap(({ clusterName, percent }) => {
    if (way === undefined || clusterName === undefined) return [];
    const share = { clusterName, share: percent / 100, weight: undefined };
    return [destinationOf(simulated, from, share, routed.request.forwardedBy(way.forward))];
  });
}

/** A client outside of the mesh, as far as the gateway lets it in, and on from there. */
function throughGateway(
  simulated: SimulatedMesh,
  asked: ExplainRequest,
  gateway: Instance,
  url: URL,
  sent: SimulatedRequest,
): Explanation {
  const request = {
    ...described(asked, sent, gateway.workload.name, simulated.identityOf(gateway)),
    throughGateway: true,
  };
  const entered = entersAt(simulated, gateway, url);
  if (entered.t === "refused") {
    const summary = `fails: ${entered.reason}; the connection is closed`;
    return { request, routing: undefined, destinations: [], mirrors: [], outcome: "fails", summary };
  }
  const sentIn = routeRequest(entered.http, sent, simulated.rulesFor(gateway, asked.brief), outsider(entered.tls));
  const routed = withReason(simulated, sentIn);
  const { routing } = routed;
  const destinations = destinationsOf(simulated, gateway, routed);
  const outcome = outcomeOfRouted(routed, destinations);
  const mirrors = mirrorsOf(simulated, gateway, routed);
  const unattached = unattachedRoutes(simulated.mesh, sent.authority);
  const summary = edgeSummary(outcome, routed, destinations, unattached);
  return { request, routing, destinations, mirrors, outcome, summary };
}

/** The gateway is the one who answers. */
function edgeSummary(
  outcome: Outcome,
  { routing, end }: Routed,
  to: readonly DestinationExplanation[],
  unattached: readonly string[],
): string {
  if (end === "denied") return `denied: ${routing.reply?.reason}; the client gets ${routing.reply?.status}`;
  if (outcome === "noRoute") {
    const { host, reply } = routing;
    const why =
      host === undefined ? "no route that is bound to the Gateway has this host" : `no rule for ${host} matches`;
    return `no route: ${[why, ...unattached].join("; ")}; the client gets ${reply?.status ?? 404}`;
  }
  return summaryOf(outcome, routing, to)
    .replace("the caller's proxy", "the gateway")
    .replace("the caller", "the client");
}

/** Why a host and port that have a service have no route all the same. */
function noSuchHttp(mesh: Mesh, from: Workload, authority: string): string | undefined {
  const hidden = whyHidden(mesh, from, authority);
  if (hidden !== undefined) return `no route: ${hidden}; the caller gets 502`;
  const opaque = opaquePort(mesh, authority, from.namespace);
  if (opaque !== undefined) return opaque;
  const meant = misnamed(mesh, from, authority);
  return meant && `no route: ${meant}; the caller gets 502`;
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
function fromOutside(simulated: SimulatedMesh, asked: ExplainRequest, url: URL, sent: SimulatedRequest): Explanation {
  const request = described(asked, sent, undefined, undefined);
  const called = url.protocol === "http:" ? serviceAt(simulated.mesh, sent.authority, undefined) : undefined;
  if (called === undefined) {
    const gateway = gatewayFor(simulated, url);
    if (gateway !== undefined) return throughGateway(simulated, asked, gateway, url, sent);
    const summary = summaryOf("noRoute", undefined, []);
    return { request, routing: undefined, destinations: [], mirrors: [], outcome: "noRoute", summary };
  }
  const destination = dialed(simulated, called, sent);
  const { outcome } = destination;
  return {
    request,
    routing: undefined,
    destinations: [destination],
    mirrors: [],
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
  throughGateway: false,
  identity,
});
