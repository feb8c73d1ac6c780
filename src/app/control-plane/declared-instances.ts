/**
 * Instances that documents declare: workloads that are captured where they run, so that nobody has to give them ports.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import { type Instance, isCaptured, type Workload } from "../../model/service.ts";
import type { InstanceRegistry } from "./instance-registry.ts";

export class DeclaredInstances {
  readonly #registry: InstanceRegistry;
  #ids: ReadonlySet<string> | undefined;

  constructor(registry: InstanceRegistry) {
    this.#registry = registry;
  }

  /** Registers what the documents declare now, and takes away what they do not any more; at first what was remembered counts as declared. */
  follow(mesh: Mesh): void {
    const before = this.#ids ?? new Set(this.#registry.instances.filter(isCaptured).map(({ id }) => id));
    const declared = declaredInstances(mesh);
    this.#ids = new Set(declared.map(({ id }) => id));
    for (const id of before) if (!this.#ids.has(id)) this.#registry.unregister(id);
    for (const instance of declared)
      if (!isSame(this.#registry.get(instance.id), instance)) this.#registry.register(instance);
  }
}

const declaredInstances = ({ workloads }: Mesh): readonly Instance[] =>
  workloads.flatMap((workload) =>
    workload.captured === undefined ? [] : [instanceOf(workload, workload.captured.address)],
  );

const instanceOf = (workload: Workload, address: string): Instance => ({
  workload,
  id: `${workload.name}.${workload.namespace}`,
  interceptionMode: "REDIRECT",
  ports: workload.ports.map((port) => ({
    targetPort: port,
    inbound: { address, port },
    application: { address, port },
  })),
  outbound: undefined,
  loopbacks: [],
  healthy: true,
});

/** What the registry takes over of documents by itself is not looked at. */
const isSame = (known: Instance | undefined, declared: Instance): boolean =>
  known !== undefined && isCaptured(known) && stateOf(known) === stateOf(declared);

const stateOf = ({ ports, workload }: Instance): string => JSON.stringify([ports, workload.serviceAccount]);
