/**
 * SMI TrafficTarget, v1alpha1 to v1alpha4: who may call the workloads of one identity, and how. Whoever no target names may not.
 *
 * It becomes an AuthorizationPolicy of action ALLOW. Where it names an HTTPRouteGroup and a TCPRoute, calls must match both. A reference that leads
 * nowhere allows nothing.
 *
 * @module
 */
import type { Problem } from "../../base/problem.ts";
import type { Place } from "../../base/problem.ts";
import type { Origin } from "../../model/origin.ts";
import type { AuthorizationOperation, AuthorizationPolicy, AuthorizationSource } from "../../model/security.ts";
import { noOperation, noSource } from "../authorization-rule.ts";
import { type DocumentBody } from "../document.ts";
import { dnsLabel, objectName } from "../names.ts";
import type { Node, Read } from "../node.ts";
import { choice, port, text } from "../read-values.ts";
import { quote } from "../tree.ts";
import type { GroupMatch, HttpRouteGroup, SmiTcpRoute } from "./route-groups.ts";

export interface TrafficTarget {
  readonly origin: Origin;
  /** Of the document's own namespace. */
  readonly serviceAccount: string;
  readonly port: number | undefined;
  readonly rules: readonly TargetRule[];
  readonly sources: readonly { readonly namespace: string; readonly name: string }[];
}

interface TargetRule {
  readonly place: Place;
  readonly path: string;
  readonly kind: "HTTPRouteGroup" | "TCPRoute";
  readonly name: string;
  /** Undefined: all of the group's. */
  readonly matches: readonly string[] | undefined;
}

/** Until v1alpha1 what is in `spec` today stood in the document itself. */
export const TRAFFIC_TARGET_FIELDS = [
  "apiVersion",
  "kind",
  "metadata",
  "spec",
  "status",
  "destination",
  "sources",
  "specs",
] as const;

export function readTrafficTarget({ metadata, origin, node, spec }: DocumentBody): TrafficTarget {
  const { namespace } = metadata;
  const own = node.fields({ known: TRAFFIC_TARGET_FIELDS });
  const fields = spec === undefined ? own : spec.fields({ known: ["destination", "sources", "rules"] });
  const atRules =
    spec === undefined ? own.at("specs") : spec.fields({ known: ["destination", "sources", "rules"] }).at("rules");
  const destination = fields.required("destination", readDestination(namespace), NOBODY);
  const rules = atRules === undefined ? [] : some(atRules, readRule);
  if (atRules === undefined) fields.node.fail('field "rules" is missing: it says which calls are allowed');
  return {
    origin,
    serviceAccount: destination.name,
    port: destination.port,
    rules,
    sources: fields.required("sources", (n) => some(n, readAccount(namespace)), []),
  };
}

function some<T>(node: Node, read: Read<T>): readonly T[] {
  if (node.tree.t === "list" && node.tree.items.length === 0) node.fail("must have at least one item");
  return node.items().map(read);
}

interface Account {
  readonly namespace: string;
  readonly name: string;
}

const NOBODY = { namespace: "", name: "", port: undefined };

const account = (fields: ReturnType<typeof accountFields>, namespace: string): Account => {
  fields.required("kind", choice(["ServiceAccount"]), "ServiceAccount");
  return {
    namespace: fields.optional("namespace", dnsLabel) ?? namespace,
    name: fields.required("name", objectName, ""),
  };
};

const accountFields = (node: Node) => node.fields({ known: ["kind", "name", "namespace", "port"] });

const readAccount =
  (namespace: string): Read<Account> =>
  (node) => {
    const fields = accountFields(node);
    fields.at("port")?.failAtKey("stands at a destination only");
    return account(fields, namespace);
  };

/** Whoever may write into a namespace says who may call what is in it, and nothing of others. */
const readDestination =
  (own: string): Read<Account & { readonly port: number | undefined }> =>
  (node) => {
    const fields = accountFields(node);
    const read = account(fields, own);
    if (read.namespace !== own)
      fields
        .at("namespace")
        ?.fail(`must be the document's own namespace ${quote(own)}, found ${quote(read.namespace)}`);
    return { ...read, port: fields.optional("port", port) };
  };

function readRule(node: Node): TargetRule {
  const fields = node.fields({ known: ["kind", "name", "matches"] });
  const { place, path } = node;
  return {
    place,
    path,
    kind: fields.required("kind", choice(["HTTPRouteGroup", "TCPRoute"]), "TCPRoute"),
    name: fields.required("name", objectName, ""),
    matches: fields.optional("matches", (n) => some(n, text)),
  };
}

// === as a policy ===

export interface TrafficSpecs {
  /** Undefined where there is none of that name. */
  readonly group: (namespace: string, name: string) => HttpRouteGroup | undefined;
  readonly tcpRoute: (namespace: string, name: string) => SmiTcpRoute | undefined;
}

export interface TargetPolicy {
  readonly policy: AuthorizationPolicy;
  readonly remarks: readonly Problem[];
}

export function targetToPolicy(target: TrafficTarget, specs: TrafficSpecs, trustDomain: string): TargetPolicy {
  const { origin, sources, serviceAccount } = target;
  const remarks: Problem[] = [];
  const operations = allowed(target, specs, (rule, message) =>
    remarks.push({ severity: "error", place: rule.place, path: rule.path, message }),
  );
  const from: AuthorizationSource = {
    ...noSource,
    principals: sources.map(({ namespace, name }) => ({
      t: "exact",
      value: `${trustDomain}/ns/${namespace}/sa/${name}`,
    })),
  };
  const rules = operations.map((to) => ({ place: origin.place, from: [from], to: [to], when: [] }));
  return { policy: { origin, selector: undefined, serviceAccount, action: "ALLOW", dryRun: false, rules }, remarks };
}

type Tell = (rule: TargetRule, message: string) => void;

/** What may be done; nothing at all where a reference to ports leads nowhere. */
function allowed(target: TrafficTarget, specs: TrafficSpecs, tell: Tell): readonly AuthorizationOperation[] {
  const { namespace } = target.origin;
  const tcp = target.rules
    .filter((r) => r.kind === "TCPRoute")
    .map((rule) => ({ rule, route: specs.tcpRoute(namespace, rule.name) }));
  const http = target.rules.filter((r) => r.kind === "HTTPRouteGroup");
  for (const { rule, route } of tcp)
    if (route === undefined) tell(rule, `there is no TCPRoute ${quote(rule.name)}, so the target allows nothing`);
  const operations = http.flatMap((rule) => ofGroup(rule, specs.group(namespace, rule.name), tell));
  const known = tcp.flatMap(({ route }) => route ?? []);
  if (known.length < tcp.length) return [];
  const all = known.some((route) => route.ports.length === 0);
  const named = all ? [] : [...new Set(known.flatMap((route) => route.ports))];
  const ports = target.port === undefined ? named : [target.port];
  if (target.port !== undefined && named.length > 0 && !named.includes(target.port)) return [];
  return http.length === 0 ? [{ ...noOperation, ports }] : operations.map((o) => ({ ...o, ports }));
}

function ofGroup(rule: TargetRule, group: HttpRouteGroup | undefined, tell: Tell): readonly AuthorizationOperation[] {
  if (group === undefined) {
    tell(rule, `there is no HTTPRouteGroup ${quote(rule.name)}, so the rule allows nothing`);
    return [];
  }
  const missing = rule.matches?.filter((name) => group.matches.every((m) => m.name !== name)) ?? [];
  for (const name of missing) tell(rule, `the HTTPRouteGroup ${quote(rule.name)} has no match ${quote(name)}`);
  return group.matches.filter(({ name }) => rule.matches?.includes(name) ?? true).map(operationOf);
}

/** One that asks for nothing is still for HTTP: without a word about it opaque bytes would be allowed, too. */
function operationOf({ path, methods, headers }: GroupMatch): AuthorizationOperation {
  const isAny = path === undefined && methods.length === 0 && Object.keys(headers).length === 0;
  return {
    ...noOperation,
    paths: path === undefined ? [] : [path],
    methods: isAny ? [{ t: "present" }] : methods.map((value) => ({ t: "exact", value })),
    headers,
  };
}
