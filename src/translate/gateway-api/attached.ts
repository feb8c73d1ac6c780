/**
 * The attachment of a mesh, made once for each mesh value.
 *
 * @module
 */
import { attachGatewayApi } from "../../model/gateway-api/attachment/attach.ts";
import { defaultControllers } from "../../model/gateway-api/attachment/controllers.ts";
import type { GatewayApiAttachment } from "../../model/gateway-api/attachment/attachment.ts";
import type { Mesh } from "../../model/mesh.ts";
import { behind } from "../reads.ts";

const ATTACHED = new WeakMap<Mesh, GatewayApiAttachment>();

/** Most meshes have no document of the Gateway API: nothing is gone through for them. */
const NOTHING: GatewayApiAttachment = {
  controllers: defaultControllers,
  classes: [],
  gateways: [],
  listenerSets: [],
  services: [],
  routes: [],
  backendTls: [],
  backendTraffic: [],
};

export function attachedTo(asked: Mesh): GatewayApiAttachment {
  // Whatever it may look at.
  const mesh = behind(asked, "all");
  const { gateways, routes, backendTlsPolicies, backendTrafficPolicies } = mesh.gatewayApi;
  if (gateways.length + routes.length + backendTlsPolicies.length + backendTrafficPolicies.length === 0) return NOTHING;
  const known = ATTACHED.get(mesh);
  if (known !== undefined) return known;
  const made = attachGatewayApi(mesh);
  ATTACHED.set(mesh, made);
  return made;
}
