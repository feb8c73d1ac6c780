/**
 * How an application is started: its command, and what its environment tells it.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Instance, Service, SocketAddress, UdpPort, Workload } from "../../model/service.ts";
import { gatewayPorts } from "../../translate/gateway/ports.ts";
import { isBehind } from "../../translate/mesh-index.ts";
import type { ChildSpec } from "./children.ts";
import { serviceEnvironment } from "./service-environment.ts";

/** Undefined for a workload that something else runs. */
export function applicationSpec(
  instance: Instance,
  services: readonly Service[],
  environment: Readonly<Record<string, string | undefined>>,
  logFile: string,
): ChildSpec | undefined {
  const { process: wanted } = instance.workload;
  if (wanted === undefined) return undefined;
  const [program = "", ...args] = wanted.command;
  return {
    name: `${instance.id} (application)`,
    // Examples are TypeScript: the runtime that runs us runs them, wherever it is installed.
    command: [program === "bun" ? process.execPath : program, ...args],
    environment: {
      ...environment,
      ...serviceEnvironment(instance, services),
      ...meshEnvironment(instance),
      ...wanted.environment,
    },
    workingFolder: wanted.workingFolder,
    logFile,
  };
}

/** Where it accepts connections: not where it takes datagrams alone, which nobody can ask for. */
export function acceptingPlaces({ ports, workload }: Instance, mesh: Mesh): readonly SocketAddress[] {
  const { tcp, udp } = workload.gateway === undefined ? servedPorts(workload, mesh) : gatewayTransports(workload, mesh);
  return ports.flatMap(({ application, targetPort }) =>
    udp.has(targetPort) && !tcp.has(targetPort) ? [] : [application],
  );
}

interface Transports {
  readonly tcp: ReadonlySet<number>;
  readonly udp: ReadonlySet<number>;
}

/** As Services name them. */
function servedPorts(workload: Workload, { services }: Mesh): Transports {
  const before = services.filter((service) => isBehind(service, workload));
  const numbers = (all: readonly UdpPort[]): ReadonlySet<number> => new Set(all.map(({ targetPort }) => targetPort));
  return {
    tcp: numbers(before.flatMap(({ ports }) => ports)),
    udp: numbers(before.flatMap(({ udpPorts = [] }) => udpPorts)),
  };
}

function gatewayTransports(workload: Workload, mesh: Mesh): Transports {
  const all = gatewayPorts(mesh, workload);
  const numbers = (isUdp: boolean): ReadonlySet<number> =>
    new Set(all.filter(({ kind }) => (kind === "udp") === isUdp).map(({ targetPort }) => targetPort));
  return { tcp: numbers(false), udp: numbers(true) };
}

/** Where to listen, and the forward proxy through which calls by name enter the mesh. */
function meshEnvironment({ ports, outbound }: Instance): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { targetPort, application } of ports) found[`PORT_${targetPort}`] = String(application.port);
  const first = ports[0];
  if (first !== undefined) found["PORT"] = String(first.application.port);
  if (outbound === undefined) return found;
  const proxy = `http://${outbound.address}:${outbound.port}`;
  return {
    ...found,
    http_proxy: proxy,
    HTTP_PROXY: proxy,
    no_proxy: "127.0.0.1,localhost",
    NO_PROXY: "127.0.0.1,localhost",
  };
}
