/**
 * Istio's Gateway to the model. Source: networking.istio.io Gateway and Istio's validation of it.
 *
 * @module
 */
import type { Gateway } from "../model/gateway.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { gatewayServer } from "./gateway-server.ts";
import { labels } from "./names.ts";
import type { Node } from "./node.ts";
import { quote } from "./tree.ts";

export function readGateway(body: DocumentBody): Gateway {
  const spec = specFields(body, ["selector", "servers"]);
  const selector = spec.optional("selector", labels) ?? {};
  if (Object.keys(selector).length === 0 && spec.node.tree.t === "map")
    spec.node.warn("has no selector, so every gateway workload serves it");
  const nodes = spec.required("servers", (node) => node.items(), []);
  if (nodes.length === 0) spec.at("servers")?.fail("must have at least one server");
  const servers = nodes.map((node) => gatewayServer(node, body));
  checkNames(
    nodes,
    servers.map(({ port }) => port.name),
    "port name",
  );
  checkNames(
    nodes,
    servers.map(({ name }) => name),
    "name",
  );
  return { origin: body.origin, selector, servers };
}

/** Routes and certificates of a server go by the name of its port. */
function checkNames(nodes: readonly Node[], names: readonly (string | undefined)[], what: string): void {
  const seen = new Set<string>();
  for (const [i, name] of names.entries()) {
    if (name === undefined || name === "") continue;
    if (seen.has(name)) nodes[i]?.fail(`the ${what} ${quote(name)} stands twice in this Gateway`);
    seen.add(name);
  }
}
