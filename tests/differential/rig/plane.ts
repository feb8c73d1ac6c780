/**
 * Tulle's control plane as far as the comparison needs it: documents to resources, served to an Envoy and to our own proxy.
 *
 * @module
 */
import { messagesOf } from "../../../src/app/control-plane/resource-messages.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { formatProblem } from "../../../src/base/problem.ts";
import { loadDocuments } from "../../../src/config/load.ts";
import type { Mesh } from "../../../src/model/mesh.ts";
import type { Instance, InstancePort, Workload } from "../../../src/model/service.ts";
import { bunNetwork } from "../../../src/net/bun-network.ts";
import type { Listener } from "../../../src/net/socket.ts";
import { defaultTranslateOptions } from "../../../src/translate/options.ts";
import { translate } from "../../../src/translate/translate.ts";
import { GrpcServer } from "../../../src/xds/grpc-server.ts";
import { AdsServer } from "../../../src/xds/server/ads-server.ts";
import { Snapshot } from "../../../src/xds/snapshot.ts";
import { SnapshotCache } from "../../../src/xds/snapshot-cache.ts";
import { type ConfigDocument, keyOf } from "./document.ts";
import type { Caller } from "./world.ts";

/** A proxy that stands for a caller, or for the gateway. */
export type PlaneNode = {
  readonly caller: Caller;
  readonly id: string;
  readonly accessLog: string;
} & (
  | {
      readonly t: "sidecar";
      /** Where it takes the client's requests. */
      readonly outboundPort: number;
    }
  | {
      readonly t: "gateway";
      /** Where it listens in place of the ports that documents name. */
      readonly places: ReadonlyMap<number, number>;
    }
);

export class TullePlane {
  readonly #cache = new SnapshotCache();
  readonly #ads: AdsServer;
  readonly #grpc: GrpcServer;
  readonly #nodes: readonly PlaneNode[];
  readonly #accessLogFormat: string;
  #listener: Listener | undefined;
  /** How often a proxy has refused resources. */
  rejected = 0;

  constructor(nodes: readonly PlaneNode[], accessLogFormat: string) {
    this.#nodes = nodes;
    this.#accessLogFormat = accessLogFormat;
    const common = { clock: systemClock, log: silentLog };
    this.#ads = new AdsServer({
      ...common,
      cache: this.#cache,
      authorize: () => ({ t: "ok" }),
      onNack: () => void this.rejected++,
    });
    this.#grpc = new GrpcServer({ ...common, methods: this.#ads.methods });
  }

  async start(): Promise<void> {
    const place = { address: "127.0.0.1", port: 0 };
    this.#listener = await bunNetwork(systemClock).listen(place, (socket) => this.#grpc.accept(socket));
  }

  get xdsPort(): number {
    return this.#listener?.port ?? 0;
  }

  /** What proxies refused, as they said it. */
  get rejections(): readonly string[] {
    return this.#ads.nacks.map((nack) => JSON.stringify(nack));
  }

  /** Makes the documents what holds. @returns Of those that are refused, by their key, why. */
  publish(documents: readonly ConfigDocument[]): ReadonlyMap<string, string> {
    const files = documents.map((document) => ({ file: keyOf(document), text: JSON.stringify(document) }));
    const { mesh, problems } = loadDocuments(files);
    const state = { mesh, instances: this.#instances(mesh) };
    for (const { id, accessLog } of this.#nodes) {
      const options = { ...defaultTranslateOptions, accessLogPath: accessLog, accessLogFormat: this.#accessLogFormat };
      const resources = translate(state, { t: "sidecar", instance: id }, options);
      this.#cache.set(id, Snapshot.of(messagesOf(resources), this.#cache.get(id)));
    }
    const errors = problems.filter(({ severity }) => severity === "error");
    return new Map(errors.map((problem) => [problem.place.file, formatProblem(problem)]));
  }

  stop(): void {
    this.#grpc.close();
    void this.#listener?.close();
  }

  #instances(mesh: Mesh): readonly Instance[] {
    return this.#nodes.flatMap((node) => {
      const workload = mesh.workloads.find(({ name }) => name === node.caller.name);
      return workload === undefined ? [] : [instanceOf(workload, node)];
    });
  }
}

const LOOPBACK = "127.0.0.1";

const instanceOf = (workload: Workload, node: PlaneNode): Instance => ({
  workload,
  id: node.id,
  ports: node.t === "gateway" ? [...node.places].map(([door, port]) => portAt(door, port)) : [],
  outbound: node.t === "gateway" ? undefined : { address: LOOPBACK, port: node.outboundPort },
  loopbacks: [],
  healthy: true,
});

function portAt(targetPort: number, port: number): InstancePort {
  const address = { address: LOOPBACK, port };
  return { targetPort, inbound: address, application: address };
}
