/**
 * `tls` and `tcp` rules of a VirtualService: where connections go that nobody looks into.
 *
 * @module
 */
import type { MeshSettings } from "../model/mesh.ts";
import type { ConnectionDestination, ConnectionMatch, TcpRule, TlsMatch, TlsRule } from "../model/virtual-service.ts";
import { gatewayReferences } from "./gateway-reference.ts";
import { sourceMatch } from "./http-match.ts";
import { isAddressRange, isHost } from "./names.ts";
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
const COMMON = ["port", "gateways", "destinationSubnets", "sourceSubnet", ...SOURCE] as const;

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
      return connectionMatch(at, at.fields({ known: COMMON }), around);
    });
    return { place: node.place, matches, destinations: destinations(fields.at("route"), node, around) };
  };
}

function tlsMatch(around: RuleSurroundings): Read<TlsMatch> {
  return (node) => {
    const fields = node.fields({ known: ["sniHosts", ...COMMON] });
    const sniHosts = fields.list("sniHosts", sniHost(around.hosts));
    if (sniHosts.length === 0 && node.tree.t === "map") node.fail("must have sniHosts: the names that clients ask for");
    return { ...connectionMatch(node, fields, around), sniHosts };
  };
}

function connectionMatch(
  node: Node,
  fields: Fields<(typeof COMMON)[number]>,
  around: RuleSurroundings,
): ConnectionMatch {
  fields.optional("sourceSubnet", subnet);
  fields
    .at("sourceSubnet")
    ?.warn("is not looked at, in Istio neither: name callers by sourceLabels or sourceNamespace");
  return {
    place: node.place,
    port: fields.optional("port", port),
    gateways: fields.optional("gateways", gatewayReferences(around.namespace)),
    source: sourceMatch(fields),
    destinationSubnets: fields.list("destinationSubnets", subnet),
  };
}

const subnet = textThat(isAddressRange, "an IP address, or a range such as 10.0.0.0/8");

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
