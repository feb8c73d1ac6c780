/**
 * Remembers which instances run, so that a control plane that is started anew knows the proxies that are still there.
 *
 * Kept is where an instance runs and which identity it has; what its workload is comes from the documents.
 *
 * @module
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Mesh } from "../../model/mesh.ts";
import type { Instance, InstancePort, ServiceLoopback, SocketAddress } from "../../model/service.ts";
import type { InstanceRegistry, SharedProxy } from "./instance-registry.ts";

interface Remembered {
  readonly instances: readonly RememberedInstance[];
  readonly shared: readonly SharedProxy[];
}

interface RememberedInstance extends Omit<Instance, "workload" | "outbound" | "loopbacks"> {
  readonly namespace: string;
  readonly workload: string;
  readonly serviceAccount: string;
  readonly outbound?: SocketAddress | undefined;
  /** Absent in files of before there were any. */
  readonly loopbacks?: readonly ServiceLoopback[] | undefined;
}

export class InstanceFile {
  readonly path: string;
  #written = "";

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Registers what is remembered and still has a workload in `mesh`. @returns The ids of those that have none.
   * @throws {Error} If the file is there and cannot be read.
   */
  restore(registry: InstanceRegistry, mesh: Mesh): readonly string[] {
    const { instances, shared } = this.#read();
    const lost: string[] = [];
    for (const { namespace, workload: name, serviceAccount, outbound, loopbacks = [], ...rest } of instances) {
      const workload = mesh.workloads.find((w) => w.namespace === namespace && w.name === name);
      if (workload === undefined) lost.push(rest.id);
      else registry.register({ ...rest, outbound, loopbacks, workload: { ...workload, serviceAccount } });
    }
    for (const proxy of shared) registry.share(proxy);
    return lost;
  }

  /** Writes what runs, if it has changed. After a crash there is the old file or the new one. */
  save(registry: InstanceRegistry): void {
    const instances = registry.instances.map(({ workload, ...rest }): RememberedInstance => {
      const { namespace, name, serviceAccount } = workload;
      return { ...rest, namespace, workload: name, serviceAccount };
    });
    const text = `${JSON.stringify({ instances, shared: registry.shared } satisfies Remembered, null, 1)}\n`;
    if (text === this.#written) return;
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const draft = `${this.path}.new`;
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, this.path);
    this.#written = text;
  }

  #read(): Remembered {
    let text: string;
    try {
      text = readFileSync(this.path, "utf8");
    } catch (cause) {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return { instances: [], shared: [] };
      throw cause;
    }
    try {
      return checked(JSON.parse(text));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`cannot use ${this.path}: ${why}. Delete it, and proxies must be registered anew`, { cause });
    }
  }
}

/** @throws {Error} Unless it has the form that {@link InstanceFile.save} writes. */
function checked(value: unknown): Remembered {
  const { instances, shared } = value as Partial<Remembered>;
  if (!Array.isArray(instances) || !instances.every(isInstance))
    throw new Error('"instances" is not a list of instances');
  if (!Array.isArray(shared) || !shared.every(isShared)) throw new Error('"shared" is not a list of shared proxies');
  return { instances, shared };
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

function isInstance(value: Partial<RememberedInstance>): boolean {
  const { id, namespace, workload, serviceAccount, ports, outbound, loopbacks = [], healthy } = value;
  return (
    [id, namespace, workload, serviceAccount].every(isText) &&
    typeof healthy === "boolean" &&
    (outbound === undefined || isAddress(outbound)) &&
    Array.isArray(loopbacks) &&
    loopbacks.every((l: Partial<ServiceLoopback>) => isText(l.host) && isPort(l.port) && isAddress(l.address)) &&
    Array.isArray(ports) &&
    ports.every((p: Partial<InstancePort>) => isPort(p.targetPort) && isAddress(p.inbound) && isAddress(p.application))
  );
}

const isShared = ({ id, instances }: Partial<SharedProxy>): boolean =>
  isText(id) && Array.isArray(instances) && instances.every(isText);

const isAddress = (value: Partial<SocketAddress> | undefined): boolean => isText(value?.address) && isPort(value.port);

const isPort = (value: unknown): boolean => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
