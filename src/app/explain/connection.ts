/**
 * What would happen to a TCP connection: the caller's proxy takes it on the loopback port of the service, and looks into none
 * of its bytes.
 *
 * @module
 */
import type { Instance } from "../../model/service.ts";
import { isTls } from "../../translate/connections.ts";
import { sidecarScope } from "../../translate/scope.ts";
import { mayBeTcp } from "../../translate/mesh-index.ts";
import { TcpProxy } from "../../xds/proto/filter-tcp-proxy.ts";
import { unpack } from "../../xds/types/any.ts";
import { destinationOf, type Share, worstOf } from "./destination.ts";
import { type CalledService, dialed, serviceAt } from "./dialed.ts";
import { type CalledBy, connectionRules } from "./connection-rules.ts";
import { seenBy, whyHidden } from "./hidden.ts";
import type { DestinationExplanation, Explanation, ExplainRequest, Outcome, RuleStep } from "./explanation.ts";
import { LOOPBACK, type SimulatedMesh } from "./simulated-mesh.ts";
import { summaryOf } from "./summary.ts";

/** @throws {RangeError} When the question does not fit a connection. */
export function explainConnection(simulated: SimulatedMesh, asked: ExplainRequest, url: URL): Explanation {
  if (asked.method !== undefined || asked.headers.length > 0 || !["", "/"].includes(url.pathname) || url.port === "")
    throw new RangeError(
      `a TCP connection has a host and a port, and no method, path or header: tcp://${url.hostname}:27017`,
    );
  const from = asked.from === undefined ? undefined : simulated.find(asked.from);
  const known = from === undefined ? simulated.mesh : seenBy(simulated.mesh, from.workload);
  const called = serviceAt(known, url.host, from?.workload.namespace);
  const hidden = from && whyHidden(simulated.mesh, from.workload, url.host);
  if (called !== undefined && !mayBeTcp(called.port.protocol))
    throw new RangeError(
      `port ${called.port.number} of ${called.service.name} speaks HTTP: ask about http://${url.host}/`,
    );
  const taken = called && from && tcpProxyOf(simulated, from, called, url.hostname);
  const destinations = called === undefined ? [] : destinationsOf(simulated, from, called, taken?.proxy);
  const outcome = called === undefined ? "noRoute" : worstOf(destinations);
  return {
    request: {
      method: "TCP",
      url: asked.url,
      headers: {},
      workload: from?.workload.name,
      throughGateway: false,
      identity: from && simulated.identityOf(from),
    },
    routing: undefined,
    connectionRules: called && from && rulesOf(simulated, from, { ...called, name: url.hostname, chain: taken?.chain }),
    destinations,
    mirrors: [],
    outcome,
    summary: hidden === undefined ? connectionSummary(outcome, destinations, url.hostname) : `no route: ${hidden}`,
  };
}

function connectionSummary(outcome: Outcome, to: readonly DestinationExplanation[], name: string): string {
  if (outcome === "fails" && to.length === 0)
    return `fails: no tls rule of the host's VirtualServices asks for the name ${name}; the connection is closed`;
  return summaryOf(outcome, undefined, to, false);
}

function destinationsOf(
  simulated: SimulatedMesh,
  from: Instance | undefined,
  called: CalledService,
  proxy: TcpProxy | undefined,
): readonly DestinationExplanation[] {
  if (from === undefined) return [dialed(simulated, called, undefined)];
  return proxy === undefined ? [] : sharesOf(proxy).map((way) => destinationOf(simulated, from, way, undefined));
}

/**
 * What the caller's listener for the service port does with bytes that are no HTTP; undefined where it takes no such connection.
 * @param name That the client asks for, where it speaks TLS.
 */
function tcpProxyOf(
  simulated: SimulatedMesh,
  from: Instance,
  { service, port }: CalledService,
  name: string,
): { readonly proxy: TcpProxy; readonly chain: string } | undefined {
  const address = from.loopbacks.find((l) => l.host === service.hostname && l.port === port.number)?.address;
  const { listeners } = simulated.resourcesOf(from);
  const message = listeners.find((l) => l.address?.socketAddress?.portValue === address?.port);
  if (address === undefined || message === undefined)
    throw new Error(`the proxy of ${from.id} has no listener for port ${port.number} of ${service.hostname}`);
  const compiled = simulated.compiled.listener(message);
  const chain = compiled.select({
    destinationPort: address.port,
    destinationAddress: address.address,
    ...(isTls(port.protocol) ? { sni: name, transport: "tls" } : { sni: "", transport: "raw_buffer" }),
    alpn: [],
    sourceAddress: LOOPBACK,
    sourcePort: 0,
  });
  if (chain === undefined) return undefined;
  const config = message.filterChains?.[compiled.chains.indexOf(chain)]?.filters?.at(-1)?.typedConfig;
  if (config === undefined) throw new Error(`the listener ${message.name} does not carry TCP`);
  return { proxy: unpack(config, TcpProxy), chain: chain.name };
}

function rulesOf(simulated: SimulatedMesh, from: Instance, called: CalledBy): readonly RuleStep[] {
  return connectionRules(simulated.rulesFor(from), sidecarScope(simulated.mesh, from), called);
}

function sharesOf({ cluster, weightedClusters, hashPolicy = [] }: TcpProxy): readonly Share[] {
  const hashedBy = hashPolicy.length > 0 ? "by source IP" : undefined;
  const weighted = weightedClusters?.clusters ?? [];
  const total = weighted.reduce((sum, { weight }) => sum + (weight ?? 0), 0);
  if (total === 0) return [{ clusterName: cluster ?? "", share: 1, weight: undefined, hashedBy }];
  return weighted.map(({ name, weight = 0 }) => ({
    clusterName: name ?? "",
    share: weight / total,
    weight: `weight ${weight} of ${total}`,
    hashedBy,
  }));
}
