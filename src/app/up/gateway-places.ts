/**
 * Where the gateways of this machine listen: on the ports that Gateways name, or on free ones where these need root or are taken.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { InstancePort, SocketAddress, Workload } from "../../model/service.ts";
import { declaredPorts, gatewayPorts } from "../../translate/gateway/ports.ts";

/** Below it a port needs root. */
const FIRST_UNPRIVILEGED = 1024;
const LOOPBACK = "127.0.0.1";

export interface GatewayPlacesOptions {
  freePort(): number;
  /** Whether nothing listens there now. @param alsoUdp Nor takes datagrams. */
  isFree(port: number, alsoUdp: boolean): boolean;
}

/** A port keeps its place for as long as the process lives, whatever becomes of the documents. */
export class GatewayPlaces {
  readonly #options: GatewayPlacesOptions;
  readonly #places = new Map<string, SocketAddress>();

  constructor(options: GatewayPlacesOptions) {
    this.#options = options;
  }

  /** A place for each port that the documents name now. */
  portsOf(mesh: Mesh, workload: Workload): readonly InstancePort[] {
    const udp = new Set(gatewayPorts(mesh, workload).flatMap((port) => (port.kind === "udp" ? [port.targetPort] : [])));
    return declaredPorts(mesh, workload).map((targetPort) => {
      const key = `${workload.namespace}/${workload.name} ${targetPort}`;
      const place = this.#placeOf(key, targetPort, udp.has(targetPort));
      return { targetPort, inbound: place, application: place };
    });
  }

  #placeOf(key: string, wanted: number, alsoUdp: boolean): SocketAddress {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const { freePort, isFree } = this.#options;
    const taken = [...this.#places.values()].some(({ port }) => port === wanted);
    const own = wanted >= FIRST_UNPRIVILEGED && !taken && isFree(wanted, alsoUdp);
    const place = { address: LOOPBACK, port: own ? wanted : freePort() };
    this.#places.set(key, place);
    return place;
  }
}
