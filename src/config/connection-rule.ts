/**
 * `tls` and `tcp` rules of a VirtualService: where connections go that nobody looks into.
 *
 * Only gateways follow them yet: a rule that would be the mesh's is refused.
 *
 * @module
 */
import { MESH_GATEWAY } from "../model/gateway.ts";
import type { MeshSettings } from "../model/mesh.ts";
import type { ConnectionDestination, ConnectionMatch, TcpRule, TlsMatch, TlsRule } from "../model/virtual-service.ts";
import { gatewayReferences } from "./gateway-reference.ts";
import { sourceMatch } from "./http-match.ts";
import { isHost } from "./names.ts";
import type { Fields, Node, Read } from "./node.ts";
import { port, textThat } from "./read-values.ts";
import { connectionDestinations } from "./route-destinations.ts";
import { quote } from "./tree.ts";

/** What the rules are read beside. */
export interface RuleSurroundings {
  readonly namespace: string;
  readonly settings: MeshSettings;
  readonly hosts: readonly string[];
  readonly gateways: readonly string[];
}

const SOURCE = ["sourceLabels", "sourceNamespace"] as const;
const UNSUPPORTED = ["destinationSubnets", "sourceSubnet"];

export function tlsRule(around: RuleSurroundings): Read<TlsRule> {
  return (node) => {
    const fields = node.fields({ known: ["match", "route"] });
    const matches = fields.list("match", tlsMatch(around));
    if (matches.length === 0 && node.tree.t === "map") node.fail("must have a match with sniHosts");
    return { place: node.place, matches, destinations: destinations(fields.at("route"), node, around) };
  };
}

export function tcpRule(around: RuleSurroundings): Read<TcpRule> {
  return (node) => {
    const fields = node.fields({ known: ["match", "route"] });
    const matches = fields.list("match", (at) => {
      const match = at.fields({ known: ["port", "gateways", ...SOURCE], unsupported: UNSUPPORTED });
      return connectionMatch(at, match, around);
    });
    if (matches.length === 0) refuseMesh(node, around.gateways);
    return { place: node.place, matches, destinations: destinations(fields.at("route"), node, around) };
  };
}

function tlsMatch(around: RuleSurroundings): Read<TlsMatch> {
  return (node) => {
    const fields = node.fields({ known: ["sniHosts", "port", "gateways", ...SOURCE], unsupported: UNSUPPORTED });
    const sniHosts = fields.list("sniHosts", sniHost(around.hosts));
    if (sniHosts.length === 0 && node.tree.t === "map") node.fail("must have sniHosts: the names that clients ask for");
    return { ...connectionMatch(node, fields, around), sniHosts };
  };
}

function connectionMatch(
  node: Node,
  fields: Fields<"port" | "gateways" | (typeof SOURCE)[number]>,
  around: RuleSurroundings,
): ConnectionMatch {
  const gateways = fields.optional("gateways", gatewayReferences(around.namespace));
  refuseMesh(node, gateways ?? around.gateways);
  return { place: node.place, port: fields.optional("port", port), gateways, source: sourceMatch(fields) };
}

function refuseMesh(node: Node, gateways: readonly string[]): void {
  if (gateways.includes(MESH_GATEWAY))
    node.fail("tls and tcp rules of the mesh's own proxies are not supported yet: at gateways they are");
}

/** A name that no host of the VirtualService covers would never be routed here. */
function sniHost(hosts: readonly string[]): Read<string> {
  return (node) => {
    const host = textThat(
      (h) => isHost(h, true),
      "a host name, or a wildcard such as *.example.com",
    )(node).toLowerCase();
    const covered = hosts.some((wide) => wide === host || (wide.startsWith("*") && host.endsWith(wide.slice(1))));
    if (!covered && host !== "")
      node.fail(`no host of the VirtualService covers ${quote(host)}: it has ${hosts.join(", ")}`);
    return host;
  };
}

function destinations(
  at: Node | undefined,
  rule: Node,
  { namespace, settings }: RuleSurroundings,
): readonly ConnectionDestination[] {
  if (at !== undefined) return connectionDestinations(namespace, settings)(at);
  if (rule.tree.t === "map") rule.fail('field "route" is missing');
  return [];
}
