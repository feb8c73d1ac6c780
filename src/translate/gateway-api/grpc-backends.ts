/**
 * Ports that gateways call by GRPCRoutes: gRPC is HTTP/2, so that is what they speak where the port itself does not say.
 *
 * @module
 */
import type { GatewayApiAttachment } from "../../model/gateway-api/attachment/attachment.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Service, ServicePort } from "../../model/service.ts";
import { lookUp } from "../reads.ts";
import { attachedTo } from "./attached.ts";

export const takesGrpc = (mesh: Mesh, service: Service, port: ServicePort): boolean =>
  lookUp(mesh, isGrpcBackend, keyOf(service, port));

const isGrpcBackend = (mesh: Mesh, key: string): boolean => grpcBackends(attachedTo(mesh)).has(key);

const keyOf = ({ hostname }: Service, { number }: ServicePort): string => `${hostname}:${number}`;

const BACKENDS = new WeakMap<GatewayApiAttachment, ReadonlySet<string>>();

function grpcBackends(attachment: GatewayApiAttachment): ReadonlySet<string> {
  const known = BACKENDS.get(attachment);
  if (known !== undefined) return known;
  const found = new Set<string>();
  for (const { route } of attachment.routes) {
    if (route.t !== "GRPCRoute") continue;
    for (const { target } of route.rules.flatMap(({ backends }) => backends))
      if (target.t === "service") found.add(keyOf(target.service, target.port));
  }
  BACKENDS.set(attachment, found);
  return found;
}
