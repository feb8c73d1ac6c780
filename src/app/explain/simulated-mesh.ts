/**
 * A mesh as it would run: one healthy copy of each workload, each with a proxy that has its resources.
 *
 * Addresses are invented, all on loopback: a rule that looks at addresses sees 127.0.0.1.
 *
 * @module
 */
import { SecretText } from "../../base/secret-text.ts";
import { gatewayName, MESH_GATEWAY } from "../../model/gateway.ts";
import { selects } from "../../model/match.ts";
import type { Mesh } from "../../model/mesh.ts";
import { type Instance, type SocketAddress, spiffeIdOf, type Workload } from "../../model/service.ts";
import { defaultTranslateOptions } from "../../translate/options.ts";
import { declaredPorts } from "../../translate/gateway/ports.ts";
import { isBehind } from "../../translate/mesh-index.ts";
import { type MeshState, type ProxyResources, translate } from "../../translate/translate.ts";
import { callerOf } from "../../translate/caller.ts";
import { visibleMesh } from "../../translate/visible-mesh.ts";
import type { RuleContext } from "./rule-steps.ts";
import { CompiledResources } from "./compiled.ts";

export const LOOPBACK = "127.0.0.1";
const FIRST_PORT = 20_000;

/** Addresses by what is there: meshes that share them have what is the same at the same place. */
export class Places {
  readonly #ports = new Map<string, number>();

  at(what: string): SocketAddress {
    const port = this.#ports.get(what) ?? FIRST_PORT + this.#ports.size;
    this.#ports.set(what, port);
    return { address: LOOPBACK, port };
  }
}

export class SimulatedMesh {
  readonly mesh: Mesh;
  readonly instances: readonly Instance[];
  readonly compiled = new CompiledResources();
  readonly #state: MeshState;
  readonly #resources = new Map<Instance, ProxyResources>();

  constructor(documents: Mesh, places = new Places()) {
    const mesh = withStandIns(documents);
    this.mesh = mesh;
    this.instances = mesh.workloads.map((workload) => ({
      workload,
      id: nameOf(workload),
      ports: portsOf(mesh, workload).map((targetPort) => ({
        targetPort,
        inbound: places.at(`${nameOf(workload)} inbound ${targetPort}`),
        application: places.at(`${nameOf(workload)} application ${targetPort}`),
      })),
      outbound: workload.gateway === undefined ? places.at("outbound") : undefined,
      loopbacks:
        workload.gateway !== undefined
          ? []
          : mesh.services.flatMap(({ hostname: host, ports }) =>
              ports.map(({ number }) => ({
                host,
                port: number,
                address: places.at(`loopback ${host}:${number}`),
              })),
            ),
      healthy: true,
    }));
    this.#state = { mesh, instances: this.instances };
  }

  resourcesOf(instance: Instance): ProxyResources {
    const known = this.#resources.get(instance);
    if (known !== undefined) return known;
    const made = translate(this.#state, { t: "sidecar", instance: instance.id }, defaultTranslateOptions);
    this.#resources.set(instance, made);
    return made;
  }

  /** Whose rules its proxy follows. */
  rulesFor({ workload }: Instance, brief = false): RuleContext {
    const mesh = visibleMesh(this.mesh, callerOf(this.mesh, workload));
    if (workload.gateway === undefined) return { mesh, workload, gateways: [MESH_GATEWAY], brief };
    const served = this.mesh.gateways.filter(({ selector }) => selects(selector, workload.labels));
    return { mesh, workload, gateways: served.map(gatewayName), brief };
  }

  identityOf({ workload }: Instance): string {
    return spiffeIdOf(this.mesh.settings.trustDomain, workload);
  }

  /** @param name `reviews-v1` or `default/reviews-v1`. @throws {RangeError} When there is none, or more than one. */
  find(name: string): Instance {
    const found = this.instances.filter(({ workload }) => workload.name === name || nameOf(workload) === name);
    const [only, other] = found;
    if (only === undefined)
      throw new RangeError(
        `there is no workload ${JSON.stringify(name)}; there are: ${this.instances.map((i) => i.workload.name).join(", ") || "none"}`,
      );
    if (other !== undefined)
      throw new RangeError(`there are several workloads ${name}: write ${found.map((i) => i.id).join(" or ")}`);
    return only;
  }

  /** The instance that takes connections at an endpoint. */
  at(port: number): Instance | undefined {
    return this.instances.find((i) => i.ports.some((p) => p.inbound.port === port));
  }
}

/** Certificates that would be made when the mesh starts: that there is one is all that counts here. */
function withStandIns(mesh: Mesh): Mesh {
  const standIn = { t: "keyPair", certChainPem: "to be made", privateKeyPem: new SecretText("to be made") } as const;
  const credentials = mesh.credentials.map((credential) =>
    credential.certificate?.t === "development" ? { ...credential, certificate: standIn } : credential,
  );
  return { ...mesh, credentials };
}

const nameOf = (workload: Workload): string => `${workload.namespace}/${workload.name}`;

/** A workload that names no ports serves those of its services. */
function portsOf(mesh: Mesh, workload: Workload): readonly number[] {
  if (workload.gateway !== undefined) return declaredPorts(mesh, workload);
  return workload.ports.length > 0 ? workload.ports : servedBy(mesh, workload);
}

const servedBy = (mesh: Mesh, workload: Workload): readonly number[] => [
  ...new Set(mesh.services.flatMap((s) => (isBehind(s, workload) ? s.ports.map((p) => p.targetPort) : []))),
];
