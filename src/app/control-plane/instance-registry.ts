/**
 * What runs: the instances that are registered, and the proxies that several of them share.
 *
 * Lists are values: {@link InstanceRegistry.instances} is the same array as long as nothing changed, so what was computed
 * from it can be kept.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Instance, Workload } from "../../model/service.ts";

/** One proxy for several instances, each with its own identity. */
export interface SharedProxy {
  /** Unique among proxies and instances, such as `node`. */
  readonly id: string;
  readonly instances: readonly string[];
}

export class InstanceRegistry {
  readonly #instances = new Map<string, Instance>();
  readonly #shared = new Map<string, SharedProxy>();
  readonly #onChange: () => void;
  #list: readonly Instance[] = [];

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get instances(): readonly Instance[] {
    return this.#list;
  }

  get shared(): readonly SharedProxy[] {
    return [...this.#shared.values()];
  }

  get(id: string): Instance | undefined {
    return this.#instances.get(id);
  }

  /** Adds an instance, or replaces the one with its id. */
  register(instance: Instance): void {
    if (this.#shared.has(instance.id))
      throw new Error(`cannot register instance ${JSON.stringify(instance.id)}: a shared proxy has that id`);
    this.#instances.set(instance.id, instance);
    this.#changed();
  }

  /** False when there was none. */
  unregister(id: string): boolean {
    const found = this.#instances.delete(id);
    if (found) this.#changed();
    return found;
  }

  /** @throws {Error} If there is no such instance. */
  setHealthy(id: string, healthy: boolean): void {
    const instance = this.#instances.get(id);
    if (instance === undefined)
      throw new Error(`cannot set the health of instance ${JSON.stringify(id)}: it is not registered`);
    if (instance.healthy === healthy) return;
    this.#instances.set(id, { ...instance, healthy });
    this.#changed();
  }

  /** From now on one proxy serves these instances, in place of a sidecar each. */
  share(proxy: SharedProxy): void {
    if (this.#instances.has(proxy.id))
      throw new Error(`cannot add shared proxy ${JSON.stringify(proxy.id)}: an instance has that id`);
    this.#shared.set(proxy.id, proxy);
    this.#changed();
  }

  unshare(id: string): boolean {
    const found = this.#shared.delete(id);
    if (found) this.#changed();
    return found;
  }

  /**
   * Takes over what the documents say of the workloads now. The service account stays what the instance was registered with:
   * its certificate says so until it is started anew.
   */
  refresh(mesh: Mesh): void {
    const now = new Map(mesh.workloads.map((w) => [keyOf(w), w]));
    let changed = false;
    for (const [id, instance] of this.#instances) {
      const fresh = now.get(keyOf(instance.workload));
      if (fresh === undefined || sameWorkload(fresh, instance.workload)) continue;
      const { serviceAccount } = instance.workload;
      this.#instances.set(id, { ...instance, workload: { ...fresh, serviceAccount } });
      changed = true;
    }
    if (changed) this.#list = [...this.#instances.values()];
  }

  #changed(): void {
    this.#list = [...this.#instances.values()];
    this.#onChange();
  }
}

const keyOf = (w: Workload): string => `${w.namespace}/${w.name}`;

/** As far as anything but the start of the application depends on it. */
const sameWorkload = (a: Workload, b: Workload): boolean => JSON.stringify(seen(a)) === JSON.stringify(seen(b));
const seen = ({ labels, ports, portProtocols, origin }: Workload) => [labels, ports, portProtocols, origin];
