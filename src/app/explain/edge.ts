/**
 * A client outside of the mesh that comes in through a gateway.
 *
 * @module
 */
import type { CompiledHttp } from "../../engine/http.ts";
import type { CompiledChain } from "../../engine/listener/listener.ts";
import type { Instance } from "../../model/service.ts";
import { gatewayPorts } from "../../translate/gateway/ports.ts";
import { LOOPBACK, type SimulatedMesh } from "./simulated-mesh.ts";

/** How the request got as far as the routes of a gateway, or why it did not. */
export type Entered =
  | { readonly t: "routes"; readonly http: CompiledHttp; readonly tls: boolean }
  | { readonly t: "refused"; readonly reason: string };

/** The gateway that a client would come in through; undefined where none listens for the URL. */
export function gatewayFor(simulated: SimulatedMesh, url: URL): Instance | undefined {
  return simulated.instances.find(
    (instance) => instance.workload.gateway !== undefined && entersAt(simulated, instance, url).t === "routes",
  );
}

export function entersAt(simulated: SimulatedMesh, gateway: Instance, url: URL): Entered {
  const number = portOf(url);
  const isTls = url.protocol === "https:";
  const served = gatewayPorts(simulated.mesh, gateway.workload).find(
    ({ kind, servers, targetPort }) =>
      kind !== "udp" && (targetPort === number || servers.some(({ server }) => server.port.number === number)),
  );
  const place = gateway.ports.find((p) => p.targetPort === served?.targetPort)?.inbound;
  const resources = simulated.resourcesOf(gateway);
  const message = resources.listeners.find(({ address }) => {
    const { portValue, protocol } = address?.socketAddress ?? {};
    return portValue === place?.port && protocol !== "UDP";
  });
  if (place === undefined || message === undefined)
    return refused(`no Gateway that ${gateway.workload.name} serves has port ${number}`);
  const chain = simulated.compiled.listener(message).select({
    destinationPort: place.port,
    destinationAddress: place.address,
    sni: isTls ? url.hostname : "",
    transport: isTls ? "tls" : "raw_buffer",
    alpn: isTls ? ["http/1.1"] : [],
    sourceAddress: LOOPBACK,
    sourcePort: 0,
  });
  const why = refusal(chain, isTls, url);
  if (why !== undefined || chain?.terminal.t !== "http") return refused(why ?? "it looks into no request there");
  return { t: "routes", http: simulated.compiled.http(resources, chain.terminal), tls: isTls };
}

const portOf = ({ port, protocol }: URL): number => Number(port || (protocol === "https:" ? 443 : 80));

function refusal(chain: CompiledChain | undefined, isTls: boolean, url: URL): string | undefined {
  if (chain === undefined) return `no server of port ${portOf(url)} is for the name ${url.hostname}`;
  if (chain.terminal.t === "tcp")
    return `port ${portOf(url)} passes the bytes on as they are, and looks into no request`;
  if (isTls && chain.tls === undefined) return `port ${portOf(url)} is plain HTTP, and the client starts TLS`;
  if (!isTls && chain.tls !== undefined) return `port ${portOf(url)} takes TLS, and the client calls in plain text`;
  return undefined;
}

const refused = (reason: string): Entered => ({ t: "refused", reason });
