/**
 * Where the parts of a mesh are, for scripts and for the commands that look at it.
 *
 * @module
 */
import type { MeshFile, MeshFileService } from "../../admin/mesh-file.ts";
import type { Mesh } from "../../model/mesh.ts";
import { selects } from "../../model/match.ts";
import type { Service } from "../../model/service.ts";
import { servedGateways } from "../control-plane/gateway-view.ts";
import type { Plan } from "./plan.ts";

export function describeMesh(mesh: Mesh, plan: Plan, pid: number): MeshFile {
  const { xdsPort, adminPort } = plan.controlPlane;
  return {
    pid,
    controlPlane: { admin: `http://127.0.0.1:${adminPort}`, xds: `127.0.0.1:${xdsPort}` },
    services: mesh.services.flatMap((service) => describeService(service, plan)),
    gateways: plan.instances.flatMap(({ instance }) => servedGateways(mesh, instance)),
    proxies: plan.instances.map(({ instance, adminPort: admin }) => ({
      instance: instance.id,
      workload: instance.workload.name,
      admin: `http://127.0.0.1:${admin}`,
      inbound: instance.ports.map(({ inbound }) => `${inbound.address}:${inbound.port}`),
      outbound: instance.outbound === undefined ? "" : `http://${instance.outbound.address}:${instance.outbound.port}`,
      loopbacks: Object.fromEntries(
        instance.loopbacks.map(({ host, port, address }) => [`${host}:${port}`, `${address.address}:${address.port}`]),
      ),
    })),
  };
}

/** The entry of a service is the inbound port of the first instance behind it. */
function describeService(service: Service, plan: Plan): MeshFileService[] {
  const { name, namespace, hostname, selector, ports } = service;
  if (Object.keys(selector).length === 0) return [];
  for (const { instance } of plan.instances) {
    if (instance.workload.namespace !== namespace || !selects(selector, instance.workload.labels)) continue;
    const entry = instance.ports.find(({ targetPort }) => ports.some((p) => p.targetPort === targetPort));
    if (entry === undefined) continue;
    return [{ name, namespace, host: hostname, url: `http://${entry.inbound.address}:${entry.inbound.port}` }];
  }
  return [];
}
