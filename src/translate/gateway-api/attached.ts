/**
 * The attachment of a mesh, made once for each mesh value.
 *
 * @module
 */
import { attachGatewayApi } from "../../model/gateway-api/attachment/attach.ts";
import type { GatewayApiAttachment } from "../../model/gateway-api/attachment/attachment.ts";
import type { Mesh } from "../../model/mesh.ts";

const ATTACHED = new WeakMap<Mesh, GatewayApiAttachment>();

export function attachedTo(mesh: Mesh): GatewayApiAttachment {
  const known = ATTACHED.get(mesh);
  if (known !== undefined) return known;
  const made = attachGatewayApi(mesh);
  ATTACHED.set(mesh, made);
  return made;
}
