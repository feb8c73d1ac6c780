/**
 * Where calls from outside of the mesh come in: at workloads that do not insist on mutual TLS.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import { selects } from "../../model/match.ts";
import type { Workload } from "../../model/service.ts";
import { effectiveMtls } from "../../model/peer-authentication.ts";

/** Whether it is a gateway, or at least one of its ports takes plain text. */
export const isEntry = (mesh: Mesh, workload: Workload): boolean =>
  workload.gateway !== undefined ||
  workload.ports.some((port) => effectiveMtls(mesh, workload, port).mode !== "STRICT");

/** Hosts with a workload behind them that does not insist on mutual TLS. */
export function plainServices(mesh: Mesh): Set<string> {
  const open = mesh.services.filter(({ namespace, selector, ports }) =>
    mesh.workloads.some(
      (workload) =>
        workload.namespace === namespace &&
        Object.keys(selector).length > 0 &&
        selects(selector, workload.labels) &&
        ports.some(({ targetPort }) => effectiveMtls(mesh, workload, targetPort).mode !== "STRICT"),
    ),
  );
  return new Set(open.map(({ hostname }) => hostname));
}
