/**
 * SMI TrafficTarget, v1alpha1 to v1alpha4: who may call the workloads of one identity, and how. Whoever no target names may not. Identities are
 * service accounts, or what an IdentityBinding gathers.
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
import type { IdentityBinding } from "./identity-binding.ts";
import type { GroupMatch, HttpRouteGroup, SmiTcpRoute } from "./route-groups.ts";

export interface TrafficTarget {
  readonly origin: Origin;
  /** Of the document's own namespace. */
  readonly destination: Subject;
  readonly port: number | undefined;
  readonly rules: readonly TargetRule[];
  readonly sources: readonly Subject[];
}

/** Who calls, or is called. */
interface Subject {
  readonly place: Place;
  readonly path: string;
  readonly kind: "ServiceAccount" | "IdentityBinding";
  readonly namespace: string;
  readonly name: string;
}

interface TargetRule {
  readonly place: Place;
  readonly path: string;
  readonly kind: "HTTPRouteGroup" | "TCPRoute" | "UDPRoute";
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
  const { port: at, ...destination } = fields.required("destination", readDestination(namespace), nobody(node));
  const rules = atRules === undefined ? [] : some(atRules, readRule);
  if (atRules === undefined) fields.node.fail('field "rules" is missing: it says which calls are allowed');
  return {
    origin,
    destination,
    port: at,
    rules,
    sources: fields.required("sources", (n) => some(n, readAccount(namespace)), []),
  };
}

function some<T>(node: Node, read: Read<T>): readonly T[] {
  if (node.tree.t === "list" && node.tree.items.length === 0) node.fail("must have at least one item");
  return node.items().map(read);
}

const nobody = ({ place, path }: Node) =>
  ({ place, path, kind: "ServiceAccount", namespace: "", name: "", port: undefined }) as const;

const account = (fields: ReturnType<typeof accountFields>, namespace: string): Subject => {
  const kind = fields.required("kind", choice(["ServiceAccount", "IdentityBinding"]), "ServiceAccount");
  fields.optional("group", choice(kind === "ServiceAccount" ? [""] : ["access.smi-spec.io"]));
  return {
    place: fields.node.place,
    path: fields.node.path,
    kind,
    namespace: fields.optional("namespace", dnsLabel) ?? namespace,
    name: fields.required("name", objectName, ""),
  };
};

const accountFields = (node: Node) => node.fields({ known: ["kind", "group", "name", "namespace", "port"] });

const readAccount =
  (namespace: string): Read<Subject> =>
  (node) => {
    const fields = accountFields(node);
    fields.at("port")?.failAtKey("stands at a destination only");
    return account(fields, namespace);
  };

/** Whoever may write into a namespace says who may call what is in it, and nothing of others. */
const readDestination =
  (own: string): Read<Subject & { readonly port: number | undefined }> =>
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
    kind: fields.required("kind", choice(["HTTPRouteGroup", "TCPRoute", "UDPRoute"]), "TCPRoute"),
    name: fields.required("name", objectName, ""),
    matches: fields.optional("matches", (n) => some(n, text)),
  };
}

// === as a policy ===

export interface TrafficSpecs {
  /** Undefined where there is none of that name. */
  readonly group: (namespace: string, name: string) => HttpRouteGroup | undefined;
  readonly tcpRoute: (namespace: string, name: string) => SmiTcpRoute | undefined;
  readonly binding: (namespace: string, name: string) => IdentityBinding | undefined;
}

export interface TargetPolicy {
  /** One for each way in which its destination is meant. */
  readonly policies: readonly AuthorizationPolicy[];
  readonly remarks: readonly Problem[];
}

export function targetToPolicy(target: TrafficTarget, specs: TrafficSpecs, trustDomain: string): TargetPolicy {
  const { origin } = target;
  const remarks: Problem[] = [];
  const tell: Tell = ({ place, path }, message, severity = "error") => remarks.push({ severity, place, path, message });
  const operations = allowed(target, specs, tell);
  const principals = target.sources.flatMap((source) => principalsOf(source, specs, trustDomain, tell));
  const from: AuthorizationSource = { ...noSource, principals: principals.map((value) => ({ t: "exact", value })) };
  // No principal at all would be as if anybody were meant.
  const rules =
    principals.length === 0 ? [] : operations.map((to) => ({ place: origin.place, from: [from], to: [to], when: [] }));
  const policies = meantBy(target.destination, specs, trustDomain, tell).map(
    (who): AuthorizationPolicy => ({ origin, ...who, action: "ALLOW", dryRun: false, rules }),
  );
  return { policies, remarks };
}

type Who = Pick<AuthorizationPolicy, "selector" | "serviceAccount">;

const ofAccount = (serviceAccount: string): Who => ({ selector: undefined, serviceAccount });

/** The workloads of a destination, all of its own namespace. */
function meantBy(subject: Subject, specs: TrafficSpecs, trustDomain: string, tell: Tell): readonly Who[] {
  const { kind, name, namespace } = subject;
  if (kind === "ServiceAccount") return [ofAccount(name)];
  const binding = specs.binding(namespace, name);
  if (binding === undefined) {
    tell(subject, `there is no IdentityBinding ${quote(name)}, so the target is for no workload`);
    return [];
  }
  const own = `${trustDomain}/ns/${namespace}/sa/`;
  const accounts = binding.spiffeIdentities.filter((id) => id.startsWith(own)).map((id) => id.slice(own.length));
  return [
    ...binding.selectors.map((selector): Who => ({ selector, serviceAccount: undefined })),
    ...[...accounts, ...(binding.serviceAccount === undefined ? [] : [binding.serviceAccount])].map(ofAccount),
  ];
}

/** As certificates tell them. */
function principalsOf(subject: Subject, specs: TrafficSpecs, trustDomain: string, tell: Tell): readonly string[] {
  const { kind, name, namespace } = subject;
  const accountOf = (account: string): string => `${trustDomain}/ns/${namespace}/sa/${account}`;
  if (kind === "ServiceAccount") return [accountOf(name)];
  const binding = specs.binding(namespace, name);
  if (binding === undefined) {
    tell(subject, `there is no IdentityBinding ${quote(name)} in the namespace ${namespace}, so it allows nobody`);
    return [];
  }
  if (binding.selectors.length > 0)
    tell(subject, `the podLabelSelectors of ${quote(name)} allow nobody: a caller's certificate tells no labels`);
  return [
    ...binding.spiffeIdentities,
    ...(binding.serviceAccount === undefined ? [] : [accountOf(binding.serviceAccount)]),
  ];
}

type Tell = (at: Pick<TargetRule, "place" | "path">, message: string, severity?: Problem["severity"]) => void;

/** What may be done; nothing at all where a reference to ports leads nowhere. */
function allowed(target: TrafficTarget, specs: TrafficSpecs, tell: Tell): readonly AuthorizationOperation[] {
  const { namespace } = target.origin;
  const tcp = target.rules
    .filter((r) => r.kind === "TCPRoute")
    .map((rule) => ({ rule, route: specs.tcpRoute(namespace, rule.name) }));
  const http = target.rules.filter((r) => r.kind === "HTTPRouteGroup");
  for (const { rule, route } of tcp)
    if (route === undefined) tell(rule, `there is no TCPRoute ${quote(rule.name)}, so the target allows nothing`);
  for (const rule of target.rules)
    if (rule.kind === "UDPRoute") tell(rule, "allows nothing: the proxies carry no UDP", "warning");
  if (http.length + tcp.length === 0) return [];
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
