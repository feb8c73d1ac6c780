/**
 * VirtualService to the model. Source: networking.istio.io VirtualService and Istio's validation of it.
 *
 * One without hosts is a delegate: `delegates.ts` puts its rules into others.
 *
 * @module
 */
import { MESH_GATEWAY } from "../model/gateway.ts";
import { tcpRule, tlsRule } from "./connection-rule.ts";
import type { WrittenRule, WrittenVirtualService } from "./delegates.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { defaultVisibility, exportTo } from "./export-to.ts";
import { gatewayReferences, MESH_ONLY } from "./gateway-reference.ts";
import { httpRule } from "./http-rule.ts";
import { qualifiedHost } from "./names.ts";
import type { Fields, Node } from "./node.ts";
import { quote } from "./tree.ts";

export function readVirtualService(body: DocumentBody): WrittenVirtualService {
  const { namespace } = body.metadata;
  const spec = specFields(body, ["hosts", "http", "tls", "tcp", "gateways", "exportTo"]);
  const host = qualifiedHost(namespace, body.settings, { wildcard: true, address: true });
  const gateways = spec.optional("gateways", gatewayReferences(namespace)) ?? MESH_ONLY;
  const hosts = spec.optional("hosts", (node) => readHosts(node, host, gateways.includes(MESH_GATEWAY))) ?? [];
  const byDefault = body.settings.defaultExportTo.virtualService;
  const visible = spec.optional("exportTo", exportTo(namespace, byDefault, false));
  const around = { namespace, settings: body.settings, hosts, gateways };
  const rules = {
    http: spec.list("http", httpRule(namespace, body.settings)),
    tls: spec.list("tls", tlsRule(around)),
    tcp: spec.list("tcp", tcpRule(around)),
  };
  spec.oneOrMoreOf(["http", "tls", "tcp"]);
  for (const name of ["http", "tls", "tcp"] as const) {
    const at = spec.at(name);
    if (rules[name].length === 0 && at?.tree.t === "list") at.fail("must have at least one rule");
  }
  if (hosts.length === 0) checkDelegate(spec, rules.http);
  return {
    origin: body.origin,
    hosts,
    gateways,
    exportTo: visible ?? defaultVisibility(byDefault, namespace),
    ...rules,
  };
}

/** Without hosts it only has rules for others, which say at which gateways they hold. Source: Istio's validation. */
function checkDelegate(spec: Fields<"gateways" | "http" | "tls" | "tcp">, rules: readonly WrittenRule[]): void {
  const why = "cannot stand in a VirtualService without hosts, which others delegate to";
  for (const name of ["gateways", "tls", "tcp"] as const) spec.at(name)?.failAtKey(why);
  for (const [i, { action }] of rules.entries())
    if (action.t === "delegate") spec.at("http")?.items()[i]?.fail(`a rule with delegate ${why}: there is one level`);
}

/** @param mesh Whether the rules are for the mesh; at a gateway, `*` is a host like any other. */
function readHosts(node: Node, read: (node: Node) => string, mesh: boolean): readonly string[] {
  const seen: string[] = [];
  for (const item of node.items()) {
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
