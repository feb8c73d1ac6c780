/**
 * Istio's Gateway API goldens: documents and a world in, the status of every object out. Format: the suite's README.
 */
import { loadDocuments } from "../../src/config/load.ts";
import { formatProblem } from "../../src/base/problem.ts";
import { mergedEntries } from "../../src/config/gateway-api/status/merge.ts";
import {
  type AssignedAddresses,
  gatewayApiStatus,
  type ObjectStatus,
  type ParentStatus,
} from "../../src/config/gateway-api/status/status.ts";
import { attachGatewayApi } from "../../src/model/gateway-api/attachment/attach.ts";
import type { AttachedGateway, GatewayControllers } from "../../src/model/gateway-api/attachment/attachment.ts";

// === the suite's format ===

export interface StatusSuite {
  readonly domainSuffix: string;
  readonly controllerName: string;
  readonly upstreamCases: number;
  readonly world: World;
  readonly cases: readonly StatusCase[];
}

interface World {
  readonly services: readonly WorldService[];
  readonly objects: readonly KubernetesObject[];
}

interface WorldService {
  readonly hostname: string;
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  readonly externalAddresses?: readonly string[];
}

interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly status?: {
    readonly parents?: readonly (RawEntry & { readonly parentRef: RawReference })[];
    readonly ancestors?: readonly (RawEntry & { readonly ancestorRef: RawReference })[];
  };
}

interface RawEntry {
  readonly controllerName: string;
  readonly conditions: readonly RawCondition[];
}

interface RawReference {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
}

interface RawCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}

export interface StatusCase {
  readonly name: string;
  readonly inDocs: readonly KubernetesObject[];
  readonly namespaces: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
  readonly status: readonly ExpectedStatus[];
}

interface ExpectedStatus {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly conditions?: readonly RawCondition[];
  readonly listeners?: readonly {
    readonly name: string;
    readonly attachedRoutes?: number;
    readonly supportedKinds?: readonly { readonly kind: string }[];
    readonly conditions: readonly RawCondition[];
  }[];
  readonly parents?: readonly (RawEntry & { readonly parentRef: RawReference })[];
  readonly ancestors?: readonly (RawEntry & { readonly ancestorRef: RawReference })[];
  readonly addresses?: readonly { readonly type: string; readonly value: string }[];
  readonly attachedListenerSets?: number;
}

// === one flat form for both sides ===

/** By the place in a status: `HTTPRoute ns/name at Gateway ns/gw#section Accepted` → `True Accepted`. */
export type FlatStatus = ReadonlyMap<string, string>;

const flat = (prefix: string, conditions: readonly RawCondition[]): (readonly [string, string])[] =>
  conditions.map((c) => [`${prefix} ${c.type}`, `${c.status} ${c.reason}`]);

function reference(own: string, ref: RawReference): string {
  const group = ref.group ?? "gateway.networking.k8s.io";
  const kind = ref.kind ?? "Gateway";
  const where = `${ref.namespace ?? own}/${ref.name}`;
  const part = [ref.sectionName ?? "", ref.port ?? ""].filter((p) => p !== "").join(":");
  return `${group === "" ? "core" : group}.${kind} ${where}${part === "" ? "" : `#${part}`}`;
}

interface Listeners {
  readonly listeners?: ExpectedStatus["listeners"] | Extract<ObjectStatus, { kind: "Gateway" }>["listeners"];
}

const flatListeners = (name: string, { listeners = [] }: Listeners): (readonly [string, string])[] =>
  listeners.flatMap((l) => [
    ...flat(`${name} listener ${l.name}`, l.conditions),
    [`${name} listener ${l.name} attachedRoutes`, String(l.attachedRoutes ?? 0)] as const,
    [`${name} listener ${l.name} supportedKinds`, (l.supportedKinds ?? []).map((k) => k.kind).join(" ")] as const,
  ]);

function flatExpected(expected: ExpectedStatus): FlatStatus {
  const namespace = expected.namespace ?? "default";
  const name = `${expected.kind} ${namespace}/${plain(expected.name)}`;
  return new Map([
    ...flat(name, expected.conditions ?? []),
    ...flatListeners(name, expected),
    ...(expected.attachedListenerSets === undefined
      ? []
      : [[`${name} attachedListenerSets`, String(expected.attachedListenerSets)] as const]),
    ...(expected.kind === "Gateway"
      ? [[`${name} addresses`, (expected.addresses ?? []).map((a) => `${a.type} ${a.value}`).join()] as const]
      : []),
    ...(expected.parents ?? []).flatMap((p) =>
      flat(`${name} at ${reference(namespace, p.parentRef)} by ${p.controllerName}`, p.conditions),
    ),
    ...(expected.ancestors ?? []).flatMap((p) =>
      flat(`${name} at ${reference(namespace, p.ancestorRef)} by ${p.controllerName}`, p.conditions),
    ),
  ]);
}

function flatActual(
  status: ObjectStatus,
  input: KubernetesObject | undefined,
  isOurs: (name: string) => boolean,
): FlatStatus {
  const { namespace } = status.meta;
  const name = `${status.kind} ${namespace}/${status.meta.name}`;
  const entries = (there: readonly (RawEntry & { readonly ref: RawReference })[], own: readonly ParentStatus[]) => {
    const mine = own.map((o) => ({ ...o, ref: rawReference(o) }));
    const isSame = (a: { readonly ref: RawReference }, b: { readonly ref: RawReference }): boolean =>
      reference(namespace, a.ref) === reference(namespace, b.ref);
    return mergedEntries(there, mine, isOurs, isSame).flatMap((e) =>
      flat(`${name} at ${reference(namespace, e.ref)} by ${e.controllerName}`, e.conditions as readonly RawCondition[]),
    );
  };
  switch (status.kind) {
    case "GatewayClass":
      return new Map(flat(name, status.conditions));
    case "Gateway":
      return new Map([
        ...flat(name, status.conditions),
        ...flatListeners(name, status),
        ...(status.attachedListenerSets === 0
          ? []
          : [[`${name} attachedListenerSets`, String(status.attachedListenerSets)] as const]),
        [`${name} addresses`, status.addresses.map((a) => `${a.type} ${a.value}`).join()],
      ]);
    case "ListenerSet":
      return new Map([...flat(name, status.conditions), ...flatListeners(name, status)]);
    case "BackendTLSPolicy":
    case "XBackendTrafficPolicy":
      return new Map(
        entries(
          (input?.status?.ancestors ?? []).map((a) => ({ ...a, ref: a.ancestorRef })),
          status.ancestors,
        ),
      );
    default:
      return new Map(
        entries(
          (input?.status?.parents ?? []).map((p) => ({ ...p, ref: p.parentRef })),
          status.parents,
        ),
      );
  }
}

const rawReference = ({ parent: { group, kind, namespace, name, sectionName, port } }: ParentStatus): RawReference => ({
  group,
  kind,
  namespace,
  name: plain(name),
  ...(sectionName !== undefined && { sectionName }),
  ...(port !== undefined && { port }),
});

// === running a case ===

/** The inputs have names that no API server would take. */
const plain = (name: string): string => name.replaceAll("^", "x");

export function runCase(suite: StatusSuite, { inDocs, namespaces, status }: StatusCase) {
  const controllers: GatewayControllers = {
    names: [suite.controllerName],
    builtInClasses: { istio: suite.controllerName },
    meshName: "istio.io/mesh-controller",
  };
  const documents = [...worldDocuments(suite, namespaces, askedPorts(inDocs)), ...inDocs.map(input)];
  const loaded = loadDocuments([{ file: "case.yaml", text: documents.map((d) => JSON.stringify(d)).join("\n---\n") }]);
  const refusals = loaded.problems.filter((p) => p.severity === "error").map(formatProblem);
  const attachment = attachGatewayApi(loaded.mesh, controllers);
  const isOurs = (name: string): boolean => controllers.names.includes(name) || name === controllers.meshName;
  const all = gatewayApiStatus(attachment, { assigned: (gateway) => assigned(gateway, suite) });
  const own = all.flatMap((s) => {
    const document = inDocs.find(
      (d) =>
        d.kind === s.kind &&
        plain(d.metadata.name) === s.meta.name &&
        (d.metadata.namespace ?? "default") === s.meta.namespace,
    );
    return [...flatActual(s, document, isOurs)];
  });
  return {
    expected: new Map(status.flatMap((s) => [...flatExpected(s)])) as FlatStatus,
    actual: new Map(own) as FlatStatus,
    refusals,
  };
}

/** What stands in a document but its status. */
const input = (document: KubernetesObject): unknown => ({
  ...document,
  status: undefined,
  metadata: { ...document.metadata, name: plain(document.metadata.name) },
});

/** Where upstream's gateways are reached: by the Service that an address names. */
function assigned({ gateway, listeners }: AttachedGateway, { world, domainSuffix }: StatusSuite): AssignedAddresses {
  const unusable = (message: string) => ({ reason: "AddressNotUsable", message, at: undefined }) as const;
  const named = gateway.addresses.filter((a) => a.type === "Hostname").map((a) => a.value ?? "");
  const hosts = named.map((n) => (n.includes(".") ? n : `${n}.${gateway.meta.namespace}.svc.${domainSuffix}`));
  const found = hosts.map((host) => world.services.find((s) => s.hostname === host));
  const missing = hosts.length === 0 || found.includes(undefined);
  const ports = found.flatMap((s) => s?.ports ?? []).map((p) => p.port);
  const closed = listeners.filter((l) => l.serves && !ports.includes(l.listener.port));
  return {
    addresses: found.flatMap((s) =>
      (s?.externalAddresses ?? []).map((value) => ({ type: "IPAddress" as const, value })),
    ),
    fault: missing
      ? unusable("there is no such Service")
      : closed.length > 0
        ? unusable("the Service does not have all ports")
        : undefined,
  };
}

/**
 * Ports that any reference names. Istio does not look whether a Service has the port that a route calls, and the inputs name many that
 * the world's Services lack; here such a backend is not found. So that the rest can be compared, every Service has these ports.
 */
function askedPorts(documents: readonly KubernetesObject[]): readonly number[] {
  const found = JSON.stringify(documents).matchAll(/"port":(\d+)/g);
  return [...new Set([...found].map((m) => Number(m[1])))];
}

function worldDocuments(
  { world, domainSuffix }: StatusSuite,
  namespaces: StatusCase["namespaces"],
  asked: readonly number[],
): readonly unknown[] {
  const mesh = {
    apiVersion: "tulle.dev/v1",
    kind: "Mesh",
    metadata: { name: "mesh" },
    spec: { clusterDomain: domainSuffix },
  };
  const labelled = namespaces.map(({ name, labels }) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels },
  }));
  const referred = world.objects.filter((o) => o.kind !== "Service");
  return [
    mesh,
    ...labelled,
    ...referred,
    ...world.services.map((s) => serviceDocument(withPorts(s, asked), domainSuffix)),
  ];
}

function withPorts(service: WorldService, asked: readonly number[]): WorldService {
  const missing = asked.filter((n) => !service.ports.some((p) => p.port === n));
  const added = missing.map((port) => ({ name: `asked-${port}`, port, protocol: "TCP" }));
  return { ...service, ports: [...service.ports, ...added] };
}

/** The registry's protocols stand in the names of ports. */
function serviceDocument({ hostname, namespace, name, ports }: WorldService, domainSuffix: string): unknown {
  const kubernetes = hostname === `${name}.${namespace}.svc.${domainSuffix}`;
  if (kubernetes)
    return {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { ports: ports.map((p) => ({ name: p.name, port: p.port, appProtocol: p.protocol.toLowerCase() })) },
    };
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name: `world-${hostname.replaceAll("*", "x").replaceAll(/[^a-z0-9-]/g, "-")}`, namespace },
    spec: {
      hosts: [hostname],
      resolution: hostname.startsWith("*") ? "NONE" : "DNS",
      ports: ports.map((p) => ({ name: p.name, number: p.port, protocol: p.protocol })),
    },
  };
}

// === comparing ===

/** The README's ladder: whether it is said at all, then the status, then the reason. */
export type Level = "type" | "status" | "reason";

export interface Difference {
  readonly key: string;
  readonly level: Level;
  /** Undefined: the other one says nothing. */
  readonly wanted: string | undefined;
  readonly found: string | undefined;
}

/** Conditions of the specification that Istio never tells. */
const BEYOND = / (SupportedVersion|OverlappingTLSConfig)$/;

export function differences(expected: FlatStatus, actual: FlatStatus): readonly Difference[] {
  const keys = new Set([...expected.keys(), ...actual.keys()]);
  return [...keys].flatMap((key): readonly Difference[] => {
    const [wanted, found] = [expected.get(key), actual.get(key)];
    if (wanted === found || (wanted === undefined && BEYOND.test(key))) return [];
    if (wanted === undefined || found === undefined) return [{ key, level: "type", wanted, found }];
    const level = wanted.split(" ")[0] === found.split(" ")[0] ? "reason" : "status";
    return [{ key, level, wanted, found }];
  });
}

/** Differences that are meant, each with its reason. */
export const ACCEPTED: readonly { readonly cases: readonly string[]; readonly key: RegExp; readonly why: string }[] = [
  {
    cases: ["waypoint", "east-west-ambient", "listenerset-invalid"],
    key: /^(Gateway ns\/|Gateway istio-system\/(eastwestgateway|invalid|with-tls-passthrough|waypoint) |ListenerSet istio-system\/invalid-class )/,
    why: "Istio's classes of waypoints and east-west gateways: there is no ambient mode here, so they are another's",
  },
  {
    cases: ["eastwest-remote"],
    key: /^Gateway istio-system\/eastwestgateway /,
    why: "Istio's class for gateways of other clusters",
  },
  {
    cases: ["foreign-waypoint"],
    key: /^HTTPRoute default\/mcp at networking\.istio\.io\.ServiceEntry default\/mcp by istio\.io\/mesh-controller/,
    why: "Istio leaves the route to another's waypoint because of a label of ambient mode; to a sidecar it is a route of its Service",
  },
  {
    cases: ["reference-policy-inferencepool"],
    key: /^HTTPRoute istio-system\/backend-(not-)?allowed-ip /,
    why: "the kind InferencePool is not known here, so a reference to it is of an invalid kind",
  },
  {
    cases: ["backend-tls-policy"],
    key: /^BackendTLSPolicy default\/tls-upstream-echo-https-merged-rules at gateway\.networking\.k8s\.io\.Gateway default\/gateway /,
    why: "Istio names a Gateway although its route may not call the target, without its namespace and with the conditions of the last target",
  },
  {
    cases: ["backend-tls-policy-ignored"],
    key: /^BackendTLSPolicy default\/tls-(active|ignored) /,
    why: "Istio's annotation that hides a policy from it; here both are for the same target, and one of them conflicts",
  },
  {
    cases: ["listenerset-cross-namespace", "frontend-tls-refgrant"],
    key: / listener (only|denied|https) Accepted$/,
    why: "Istio says NoValidCACertificate of a server's certificate that may not be referred to; the reason is meant for the clients' roots, and ResolvedRefs tells of it",
  },
  {
    cases: ["listenerset-invalid"],
    key: /^ListenerSet istio-system\/not-accepted-parent (Accepted|Programmed)$/,
    why: "Istio repeats the Gateway's reason; the specification's word is ParentNotAccepted",
  },
];

export const isAccepted = (name: string, { key }: Difference): boolean =>
  ACCEPTED.some((a) => a.cases.includes(name) && a.key.test(key));
