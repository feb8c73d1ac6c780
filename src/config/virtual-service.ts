/**
 * VirtualService to the model. Source: networking.istio.io VirtualService and Istio's validation of it.
 *
 * Not read yet, and refused: gateways other than `mesh`, tls and tcp routes, delegates, `exportTo` other than `*`.
 *
 * @module
 */
import type { VirtualService } from "../model/virtual-service.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { httpRule } from "./http-rule.ts";
import { qualifiedHost } from "./names.ts";
import type { Node } from "./node.ts";
import { isListOf, onlyAs } from "./read-values.ts";
import { quote } from "./tree.ts";

export function readVirtualService(body: DocumentBody): VirtualService {
  const spec = specFields(body, ["hosts", "http", "gateways", "exportTo"], ["tls", "tcp"]);
  const host = qualifiedHost(body.metadata.namespace, body.settings, { wildcard: true, address: true });
  const gateways = spec.at("gateways");
  if (gateways !== undefined) onlyAs(isListOf("mesh"))(gateways);
  const hosts = spec.required(
    "hosts",
    (node) => readHosts(node, host, gateways === undefined || isListOf("mesh")(gateways)),
    [],
  );
  spec.optional("exportTo", onlyAs(isListOf("*")));
  const http = spec.list("http", httpRule(body.metadata.namespace, body.settings));
  const elsewhere = hasEntry(spec.node, "tls") || hasEntry(spec.node, "tcp");
  if (!spec.has("http") && !elsewhere && spec.node.tree.t === "map") spec.node.fail('field "http" is missing');
  if (http.length === 0 && spec.at("http")?.tree.t === "list") spec.at("http")?.fail("must have at least one rule");
  return { origin: body.origin, hosts, http };
}

const hasEntry = (node: Node, name: string): boolean => node.tree.t === "map" && node.tree.entries.has(name);

/** @param mesh Whether the rules are for the mesh; at a gateway, `*` is a host like any other. */
function readHosts(node: Node, read: (node: Node) => string, mesh: boolean): readonly string[] {
  const items = node.items();
  if (node.tree.t === "list" && items.length === 0)
    node.fail("must name a host (a delegate without hosts is not supported yet)");
  const seen: string[] = [];
  for (const item of items) {
    const host = read(item);
    if (mesh && host === "*")
      item.fail("the host * is not allowed in the mesh: name the hosts, or a wildcard such as *.example.com");
    const same = seen.find((other) => covers(other, host) || covers(host, other));
    if (same !== undefined) item.fail(`the host ${quote(host)} is already there as ${quote(same)}`);
    seen.push(host);
  }
  return seen;
}

const covers = (wide: string, host: string): boolean =>
  wide === host || (wide.startsWith("*") && host.endsWith(wide.slice(1)));
