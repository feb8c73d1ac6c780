/**
 * What `up` runs: one instance of every workload, with the ports that it gets.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import { indexOf, isWildcard } from "../../translate/mesh-index.ts";
import type { GatewayPlaces } from "./gateway-places.ts";
import type { Instance, ServiceLoopback, Workload } from "../../model/service.ts";

/** An instance with the ports that are no part of the mesh's model. */
export interface PlannedInstance {
  readonly instance: Instance;
  /** Of the instance's proxy; of the shared proxy in shared mode. */
  readonly adminPort: number;
  /** Whether the proxy of all serves it: gateways have one of their own in any case. */
  readonly isShared: boolean;
}

export interface Plan {
  readonly instances: readonly PlannedInstance[];
  readonly controlPlane: { readonly xdsPort: number; readonly adminPort: number };
  /** One proxy for all instances, by its id. */
  readonly shared: { readonly id: string; readonly adminPort: number } | undefined;
}

/** Id of the proxy that `--shared` runs. */
export const SHARED_ID = "node";

const LOOPBACK = "127.0.0.1";

/**
 * @param freePorts Gives as many ports as it is asked for.
 * @param places Gives gateways the ports that they listen on.
 * @throws {Error} When there is no workload.
 */
export function planOf(
  mesh: Mesh,
  shared: boolean,
  freePorts: (count: number) => number[],
  places: Pick<GatewayPlaces, "portsOf">,
): Plan {
  const { workloads } = mesh;
  const captured = workloads.find((workload) => workload.captured !== undefined);
  if (captured !== undefined)
    throw new Error(
      `the Workload ${fullName(captured)} is captured (interceptionMode: REDIRECT), which needs root and another address than loopback: use tulle control-plane, and docs/capture.md`,
    );
  if (workloads.length === 0)
    throw new Error(
      "there is no Workload in the documents: a tulle.dev/v1 Workload says what to run, with its command",
    );
  const called = calledPorts(mesh);
  const wanted = workloads.reduce((sum, { ports }) => sum + ports.length * 2 + 2 + called.length, 3);
  const ports = freePorts(wanted);
  const next = (): number => ports.pop() as number;
  const controlPlane = { xdsPort: next(), adminPort: next() };
  const sharedAdmin = next();
  const ids = idsOf(workloads);
  return {
    controlPlane,
    shared: shared ? { id: SHARED_ID, adminPort: sharedAdmin } : undefined,
    instances: workloads.map((workload, i) => {
      const ownAdmin = next();
      const id = ids[i] as string;
      if (workload.gateway !== undefined)
        return {
          adminPort: ownAdmin,
          isShared: false,
          instance: gateway(workload, id, places.portsOf(mesh, workload)),
        };
      return {
        adminPort: shared ? sharedAdmin : ownAdmin,
        isShared: shared,
        instance: {
          workload,
          id,
          healthy: true,
          outbound: { address: LOOPBACK, port: next() },
          loopbacks: called.map((to) => ({ ...to, address: { address: LOOPBACK, port: next() } })),
          ports: workload.ports.map((targetPort) => ({
            targetPort,
            inbound: { address: LOOPBACK, port: next() },
            application: { address: LOOPBACK, port: next() },
          })),
        },
      };
    }),
  };
}

/** Gateways that documents have come to ask for: there is nothing to run but their proxies. */
export function addedGateways(
  mesh: Mesh,
  { instances }: Plan,
  freePorts: (count: number) => number[],
  places: Pick<GatewayPlaces, "portsOf">,
): readonly PlannedInstance[] {
  const known = new Set(instances.map(({ instance }) => fullName(instance.workload)));
  const taken = new Set(instances.map(({ instance }) => instance.id));
  return mesh.workloads
    .filter((workload) => workload.gateway !== undefined && !known.has(fullName(workload)))
    .map((workload) => {
      const { name, namespace } = workload;
      const id = taken.has(name) ? `${name}-${namespace}` : name;
      taken.add(id);
      const [adminPort = 0] = freePorts(1);
      return { adminPort, isShared: false, instance: gateway(workload, id, places.portsOf(mesh, workload)) };
    });
}

const fullName = ({ namespace, name }: Workload): string => `${namespace}/${name}`;

/** Nothing runs behind it, and nobody calls through it but those outside. */
const gateway = (workload: Workload, id: string, ports: Instance["ports"]): Instance => ({
  workload,
  id,
  ports,
  outbound: undefined,
  loopbacks: [],
  healthy: true,
});

/** Ports of services that somebody answers for: of a wildcard, only a request says who. */
const calledPorts = (mesh: Mesh): readonly Pick<ServiceLoopback, "host" | "port">[] =>
  indexOf(mesh)
    .services.filter(({ endpoints, hostname, resolution, selector }) => {
      if (isWildcard(hostname)) return false;
      return Object.keys(selector).length > 0 || endpoints.length > 0 || resolution !== "STATIC";
    })
    .flatMap(({ hostname: host, ports }) => ports.map(({ number: port }) => ({ host, port })));

/** The workload's name, with its namespace where two have the same. */
function idsOf(workloads: readonly Workload[]): string[] {
  const names = workloads.map(({ name }) => name);
  return workloads.map(({ name, namespace }) =>
    names.filter((other) => other === name).length > 1 ? `${name}-${namespace}` : name,
  );
}
