/**
 * Whose Gateways are ours.
 *
 * @module
 */
import type { Mesh } from "../../mesh.ts";
import type { GatewayClass } from "../gateway.ts";
import type { GatewayControllers } from "./attachment.ts";

const TULLE_GATEWAY_CONTROLLER = "tulle.dev/gateway-controller";

/** Istio's names too: documents that were written for it are read as they are. */
export const defaultControllers: GatewayControllers = {
  names: [TULLE_GATEWAY_CONTROLLER, "istio.io/gateway-controller"],
  builtInClasses: { tulle: TULLE_GATEWAY_CONTROLLER, istio: TULLE_GATEWAY_CONTROLLER },
  meshName: "tulle.dev/mesh-controller",
};

export const ourClasses = (mesh: Mesh, { names }: GatewayControllers): readonly GatewayClass[] =>
  mesh.gatewayApi.classes.filter((c) => names.includes(c.controllerName));

/** The controller of a class that is ours; undefined for another's, and for a class that is not there. */
export function controllerOf(mesh: Mesh, controllers: GatewayControllers, className: string): string | undefined {
  const document = mesh.gatewayApi.classes.find((c) => c.meta.name === className);
  if (document !== undefined)
    return controllers.names.includes(document.controllerName) ? document.controllerName : undefined;
  return Object.hasOwn(controllers.builtInClasses, className) ? controllers.builtInClasses[className] : undefined;
}
