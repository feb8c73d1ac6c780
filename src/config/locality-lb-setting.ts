/**
 * `localityLbSetting` of a load balancer, and of the Mesh document. Source: networking.istio.io LocalityLoadBalancerSetting and Istio's validation.
 *
 * @module
 */
import type { LocalityLbSetting, LocalityPattern, LocalityShares, PriorityLabel } from "../model/locality.ts";
import { parseLocality } from "./locality.ts";
import type { Fields, Node } from "./node.ts";
import { flag, integer, text } from "./read-values.ts";
import { quote } from "./tree.ts";

const WAYS = ["distribute", "failover", "failoverPriority"] as const;
const ALL = 100;

export function localityLbSetting(node: Node): LocalityLbSetting {
  const fields = node.fields({ known: ["enabled", ...WAYS] });
  checkWays(fields);
  const froms = new Set<string>();
  return {
    enabled: fields.optional("enabled", flag) ?? true,
    distribute: fields.list("distribute", (item) => shares(item, froms)),
    failover: fields.list("failover", regions),
    failoverPriority: fields.list("failoverPriority", priorityLabel),
  };
}

function checkWays(fields: Fields<(typeof WAYS)[number] | "enabled">): void {
  if (!fields.has("distribute")) return;
  for (const name of ["failover", "failoverPriority"] as const)
    fields.at(name)?.failAtKey("cannot stand beside distribute");
}

function shares(node: Node, froms: Set<string>): LocalityShares {
  const fields = node.fields({ known: ["from", "to"] });
  const written = fields.required("from", text, "");
  if (froms.has(written)) fields.at("from")?.fail(`${quote(written)} is there already`);
  froms.add(written);
  return {
    from: fields.optional("from", pattern) ?? parseLocality(""),
    to: fields.required("to", weights, []),
  };
}

function weights(node: Node): LocalityShares["to"] {
  const found = node.entries().map(([name, at]) => {
    const wrong = badPattern(name);
    if (wrong !== undefined) at.failAtKey(wrong);
    return { locality: parseLocality(name), weight: integer(1, ALL)(at) };
  });
  const sum = found.reduce((total, { weight }) => total + weight, 0);
  if (node.tree.t === "map" && sum !== ALL) node.fail(`the weights must sum to ${ALL}, found ${sum}`);
  return found;
}

function pattern(node: Node): LocalityPattern {
  const written = text(node);
  const wrong = badPattern(written);
  if (wrong !== undefined && written !== "") node.fail(wrong);
  return parseLocality(written);
}

/** `region/zone/subzone`, whose last part may be a star. */
function badPattern(written: string): string | undefined {
  const parts = written.split("/");
  const star = parts.indexOf("*");
  if (parts.length > 3 || parts.includes(""))
    return `must be region, region/zone or region/zone/subzone, found ${quote(written)}`;
  return star >= 0 && star < parts.length - 1 ? `only the last part may be "*", found ${quote(written)}` : undefined;
}

export function regions(node: Node): LocalityLbSetting["failover"][number] {
  const fields = node.fields({ known: ["from", "to"] });
  const pair = { from: fields.required("from", region, ""), to: fields.required("to", region, "") };
  if (pair.from !== "" && pair.from === pair.to) node.fail("must lead to another region than it comes from");
  return pair;
}

function region(node: Node): string {
  const value = text(node);
  if (value.includes("/") || value.includes("*")) node.mustBe("a region, without zone and stars");
  return value;
}

/** `label`, or `label=value`. */
export function priorityLabel(node: Node): PriorityLabel {
  const [label = "", value, ...more] = text(node).split("=");
  if (more.length > 0 || (label === "" && value !== undefined)) node.mustBe("a label, or label=value");
  return { label, value };
}
