/**
 * Small meshes for tests, from the documents that a person would write.
 *
 * @module
 */
import { formatProblem } from "../../src/base/problem.ts";
import { loadDocuments } from "../../src/config/load.ts";
import type { Mesh } from "../../src/model/mesh.ts";
import type { Instance, Workload } from "../../src/model/service.ts";
import { declaredPorts } from "../../src/translate/gateway/ports.ts";
import type { MeshState } from "../../src/translate/translate.ts";

/** The mesh that `yaml` means. A problem with it fails the test. */
export function meshOf(...yaml: readonly string[]): Mesh {
  const { mesh, problems } = loadDocuments([{ file: "mesh.yaml", text: yaml.join("\n---\n") }]);
  const errors = problems.filter((p) => p.severity === "error");
  if (errors.length > 0) throw new Error(`the test's documents are wrong:\n${errors.map(formatProblem).join("\n")}`);
  return mesh;
}

/** The mesh that `yaml` means, with one copy of each workload running: `reviews-v1` is `reviews-v1-0`. */
export function stateOf(...yaml: readonly string[]): MeshState {
  const mesh = meshOf(...yaml);
  return { mesh, instances: mesh.workloads.map((workload, i) => gatewayOr(mesh, instanceOf(workload, i))) };
}

/** A gateway listens where its Gateways say, 10000 above: nothing needs root. */
function gatewayOr(mesh: Mesh, instance: Instance): Instance {
  if (instance.workload.gateway === undefined) return instance;
  const ports = declaredPorts(mesh, instance.workload).map((targetPort) => {
    const place = { address: "127.0.0.1", port: 10_000 + targetPort };
    return { targetPort, inbound: place, application: place };
  });
  return { ...instance, outbound: undefined, ports };
}

/** Copy number 0 of `workload`, on loopback ports of its own: 20000 + 100 × `slot` and up. */
export function instanceOf(workload: Workload, slot: number): Instance {
  const first = 20_000 + 100 * slot;
  const address = "127.0.0.1";
  return {
    workload,
    id: `${workload.name}-0`,
    outbound: { address, port: first },
    loopbacks: [],
    ports: workload.ports.map((targetPort, i) => ({
      targetPort,
      inbound: { address, port: first + 1 + 2 * i },
      application: { address, port: first + 2 + 2 * i },
    })),
    healthy: true,
  };
}

/** `state` with a loopback port for each service port at each instance: from 30000 on, those of one instance after another's. */
export function withLoopbacks({ mesh, instances }: MeshState): MeshState {
  let next = 30_000;
  const loopbacks = (): Instance["loopbacks"] =>
    mesh.services.flatMap(({ hostname: host, ports }) =>
      ports.map(({ number }) => ({ host, port: number, address: { address: "127.0.0.1", port: next++ } })),
    );
  return { mesh, instances: instances.map((instance) => ({ ...instance, loopbacks: loopbacks() })) };
}

/** A Service; ports are `name:number` or `name:number:targetPort`. */
export function service(name: string, ports: readonly string[], namespace = "default"): string {
  const written = ports.map((text) => {
    const [port = "", number = "", target = number] = text.split(":");
    return `{name: ${port}, port: ${number}, targetPort: ${target}}`;
  });
  return `{apiVersion: v1, kind: Service, metadata: {name: ${name}, namespace: ${namespace}},
 spec: {selector: {app: ${name}}, ports: [${written.join(", ")}]}}`;
}

/** A Workload `<app>-<version>` with the labels `app` and `version` under the service account `<app>`. */
export function workload(app: string, version: string, ports: readonly number[], namespace = "default"): string {
  return `{apiVersion: tulle.dev/v1, kind: Workload,
 metadata: {name: ${app}-${version}, namespace: ${namespace}, labels: {app: ${app}, version: ${version}}},
 spec: {serviceAccount: ${app}, ports: [${ports.join(", ")}]}}`;
}
