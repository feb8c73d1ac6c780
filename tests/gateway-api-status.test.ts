/**
 * Conditions of the Gateway API in the specification's words: each reason with the documents that bring it about.
 */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import type { ServedGateway } from "../src/admin/api.ts";
import { conditionedDocuments } from "../src/app/control-plane/gateway-api-view.ts";
import { SUPPORTED_FEATURES } from "../src/config/gateway-api/status/supported-features.ts";
import { LEFT_OUT } from "./e2e/gateway-api/left-out.ts";
import { conformanceTests, SUITE_FOLDER } from "./suites/gateway-api.ts";
import { errors, load } from "./support/documents.ts";
import { serverKeyPair } from "./support/server-certificates.ts";

// === helpers ===

const API = "gateway.networking.k8s.io/v1";
const document = (kind: string, name: string, spec: string, namespace = "shop"): string =>
  `---\napiVersion: ${API}\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {${spec}}\n`;
const gateway = (listeners: string, more = ""): string =>
  document("Gateway", "edge", `gatewayClassName: tulle, listeners: [${listeners}]${more}`);
const route = (parent = "{name: edge}", rules = "rules: [{backendRefs: [{name: b, port: 80}]}]", kind = "HTTPRoute") =>
  document(kind, "r", `parentRefs: [${parent}], ${rules}`);
const SERVICE =
  "---\napiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: shop}\nspec: {ports: [{name: http, port: 80}]}\n";
const PAIR = serverKeyPair(["a.example.com"]);
const secret = (name: string, namespace = "shop"): string => {
  const stringData = { "tls.crt": PAIR.certChainPem, "tls.key": PAIR.privateKeyPem };
  const metadata = { name, namespace };
  return `---\n${JSON.stringify({ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata, stringData })}\n`;
};

const HTTP = "{name: http, port: 80, protocol: HTTP}";
const https = (name: string, more: string): string =>
  `{name: ${name}, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}${more}}`;
const SERVED = { gateway: "shop/edge", address: "127.0.0.1:80" } as unknown as ServedGateway;

/** `Kind[/listener] Condition=Status Reason` of everything that is told about these documents. */
function told(texts: readonly string[], served: readonly ServedGateway[] = [SERVED]): readonly string[] {
  const text = texts.join("");
  expect(errors(text)).toEqual([]);
  return conditionedDocuments(load(text).mesh, served).flatMap(({ kind, conditions, listeners, parents }) => {
    const say = (at: string, all: typeof conditions): readonly string[] =>
      (all ?? []).map(({ type, status, reason }) => `${at} ${type}=${status} ${reason}`);
    return [
      ...say(kind, conditions),
      ...(listeners ?? []).flatMap((l) => say(`${kind}/${l.name}`, l.conditions)),
      ...(parents ?? []).flatMap((p) => say(kind, p.conditions)),
    ];
  });
}

// === tests ===

interface Row {
  readonly reason: string;
  readonly documents: readonly string[];
  readonly says: readonly string[];
  readonly not?: readonly RegExp[];
  readonly served?: readonly ServedGateway[];
}

const EXTENSION = "filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: Cache, name: c}}]";
const AUTH = "filters: [{type: ExternalAuth, externalAuth: {protocol: GRPC, backendRef: {name: b, port: 80}}}]";
const TO_B = "backendRefs: [{name: b, port: 80}]";

const traffic = (name: string, target: string): string =>
  `---\napiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackendTrafficPolicy\nmetadata: {name: ${name}, namespace: shop}\nspec: {targetRefs: [{group: "", kind: Service, name: ${target}}], retryConstraint: {}}\n`;

const ROWS: readonly Row[] = [
  {
    reason: "policies for traffic: one that holds, one for the same target, one for nobody",
    documents: [SERVICE, traffic("p1", "b"), traffic("p2", "b"), traffic("p3", "none")],
    says: [
      "XBackendTrafficPolicy Accepted=True Accepted",
      "XBackendTrafficPolicy Accepted=False Conflicted",
      "XBackendTrafficPolicy Accepted=False TargetNotFound",
    ],
  },
  {
    reason: "a filter that is not known by its kind",
    documents: [gateway(HTTP), route("{name: edge}", `rules: [{${TO_B}, ${EXTENSION}}, {${TO_B}}]`), SERVICE],
    says: ["HTTPRoute Accepted=True Accepted", "HTTPRoute ResolvedRefs=False InvalidKind"],
    not: [/PartiallyInvalid/],
  },
  {
    reason: "a filter that is not supported, in one of the rules",
    documents: [gateway(HTTP), route("{name: edge}", `rules: [{${TO_B}, ${AUTH}}, {${TO_B}}]`), SERVICE],
    says: [
      "HTTPRoute Accepted=True Accepted",
      "HTTPRoute ResolvedRefs=True ResolvedRefs",
      "HTTPRoute PartiallyInvalid=True UnsupportedValue",
    ],
  },
  {
    reason: "a filter that is not supported, in all of the rules",
    documents: [
      gateway(HTTP),
      route("{name: edge}", `rules: [{${TO_B}, ${AUTH}}, {backendRefs: [{name: b, port: 80, ${AUTH}}]}]`),
      SERVICE,
    ],
    says: ["HTTPRoute Accepted=False UnsupportedValue"],
    not: [/PartiallyInvalid/],
  },
  {
    reason: "all is well",
    documents: [gateway(HTTP), route(), SERVICE],
    says: [
      "Gateway Accepted=True Accepted",
      "Gateway Programmed=True Programmed",
      "Gateway/http Accepted=True Accepted",
      "Gateway/http Conflicted=False NoConflicts",
      "HTTPRoute Accepted=True Accepted",
      "HTTPRoute ResolvedRefs=True ResolvedRefs",
    ],
    not: [/OverlappingTLSConfig/],
  },
  {
    reason: "parameters of a Gateway that nobody knows",
    documents: [gateway(HTTP, ", infrastructure: {parametersRef: {group: a.io, kind: B, name: c}}")],
    says: ["Gateway Accepted=False InvalidParameters", "Gateway Programmed=False InvalidParameters"],
  },
  {
    reason: "parameters of its class that nobody knows",
    documents: [
      document(
        "GatewayClass",
        "mine",
        "controllerName: tulle.dev/gateway-controller, parametersRef: {group: a.io, kind: B, name: c}",
      ).replace(", namespace: shop", ""),
      gateway(HTTP).replace("gatewayClassName: tulle", "gatewayClassName: mine"),
    ],
    says: [
      "GatewayClass Accepted=False InvalidParameters",
      "GatewayClass SupportedVersion=True SupportedVersion",
      "Gateway Accepted=False InvalidParameters",
    ],
  },
  {
    reason: "an address of a type that nobody knows",
    documents: [gateway(HTTP, ", addresses: [{type: a.io/own, value: x}]")],
    says: ["Gateway Accepted=False UnsupportedAddress"],
  },
  {
    reason: "an address that its gateways do not have",
    documents: [gateway(HTTP, ", addresses: [{value: 192.0.2.1}]")],
    says: ["Gateway Accepted=True Accepted", "Gateway Programmed=False AddressNotUsable"],
  },
  {
    reason: "the address that its gateways have",
    documents: [gateway(HTTP, ", addresses: [{value: 127.0.0.1}]")],
    says: ["Gateway Programmed=True Programmed"],
  },
  {
    reason: "no gateway serves it",
    documents: [gateway(HTTP)],
    served: [],
    says: ["Gateway Programmed=False AddressNotAssigned"],
  },
  ...[
    ["that is not there", "{name: nobody}", "InvalidClientCertificateRef"],
    ["of another group", "{group: a.io, kind: Secret, name: cert}", "InvalidClientCertificateRef"],
    ["of another kind", "{kind: ConfigMap, name: cert}", "InvalidClientCertificateRef"],
    ["of a namespace that does not let it", "{name: cert, namespace: other}", "RefNotPermitted"],
  ].map(
    ([what, ref, reason]): Row => ({
      reason: `a client certificate ${what}`,
      documents: [
        gateway(HTTP, `, tls: {backend: {clientCertificateRef: ${ref}}}`),
        secret("cert"),
        secret("cert", "other"),
      ],
      says: [`Gateway ResolvedRefs=False ${reason}`, "Gateway Accepted=True Accepted"],
    }),
  ),
  {
    reason: "the client certificate is there",
    documents: [gateway(HTTP, ", tls: {backend: {clientCertificateRef: {name: cert}}}"), secret("cert")],
    says: ["Gateway ResolvedRefs=True ResolvedRefs"],
  },
  {
    reason: "hosts of HTTPS listeners that meet",
    documents: [
      gateway(
        `${https("wide", ', hostname: "*.example.com"')}, ${https("narrow", ", hostname: a.example.com")}, ${https("apart", ", hostname: b.org")}`,
      ),
      secret("cert"),
    ],
    says: [
      "Gateway/wide OverlappingTLSConfig=True OverlappingHostnames",
      "Gateway/narrow OverlappingTLSConfig=True OverlappingHostnames",
    ],
    not: [/^Gateway\/apart OverlappingTLSConfig/],
  },
  {
    reason: "a listener of every host meets each",
    documents: [
      gateway(
        `${https("every", "")}, ${https("one", ", hostname: b.org")}, {name: http, port: 80, protocol: HTTP, hostname: b.org}`,
      ),
      secret("cert"),
    ],
    says: [
      "Gateway/every OverlappingTLSConfig=True OverlappingHostnames",
      "Gateway/one OverlappingTLSConfig=True OverlappingHostnames",
    ],
    not: [/^Gateway\/http OverlappingTLSConfig/],
  },
  {
    reason: "of two listeners with one host neither is picked",
    documents: [
      gateway(
        `${https("one", ", hostname: a.org")}, {name: other, port: 443, protocol: TLS, hostname: a.org, tls: {mode: Passthrough}}, ${HTTP}`,
      ),
      secret("cert"),
    ],
    says: [
      "Gateway Accepted=True ListenersNotValid",
      "Gateway/one Conflicted=True HostnameConflict",
      "Gateway/one Accepted=False HostnameConflict",
      "Gateway/other Conflicted=True HostnameConflict",
      "Gateway/http Accepted=True Accepted",
    ],
  },
  {
    reason: "none of the listeners is valid",
    documents: [gateway("{name: x, port: 80, protocol: a.io/own}")],
    says: ["Gateway Accepted=False ListenersNotValid", "Gateway/x Accepted=False UnsupportedProtocol"],
  },
  {
    reason: "kinds of routes that nobody knows, beside one that is known",
    documents: [
      gateway(
        "{name: http, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}, {group: a.io, kind: B}]}}",
      ),
    ],
    says: ["Gateway/http ResolvedRefs=False InvalidRouteKinds"],
  },
  {
    reason: "a ListenerSet of a Gateway that is not accepted",
    documents: [
      gateway(HTTP, ", allowedListeners: {namespaces: {from: All}}, addresses: [{type: a.io/own, value: x}]"),
      document("ListenerSet", "more", "parentRef: {name: edge}, listeners: [{name: y, port: 81, protocol: HTTP}]"),
    ],
    says: ["ListenerSet Accepted=False ParentNotAccepted", "ListenerSet Programmed=False ParentNotAccepted"],
  },
  {
    reason: "a ListenerSet none of whose listeners is valid",
    documents: [
      gateway(HTTP, ", allowedListeners: {namespaces: {from: All}}"),
      document("ListenerSet", "more", "parentRef: {name: edge}, listeners: [{name: y, port: 80, protocol: HTTP}]"),
    ],
    says: [
      "ListenerSet Accepted=False ListenersNotValid",
      "ListenerSet/y Conflicted=True HostnameConflict",
      "Gateway/http Accepted=True Accepted",
    ],
  },
  {
    reason: "a ListenerSet that is not let in",
    documents: [
      gateway(HTTP),
      document("ListenerSet", "more", "parentRef: {name: edge}, listeners: [{name: y, port: 81, protocol: HTTP}]"),
    ],
    says: ["ListenerSet Accepted=False NotAllowed"],
  },
  {
    reason: "a section that is not there",
    documents: [gateway(HTTP), SERVICE, route("{name: edge, sectionName: nobody}")],
    says: ["HTTPRoute Accepted=False NoMatchingParent", "HTTPRoute ResolvedRefs=True ResolvedRefs"],
  },
  {
    reason: "hosts that do not meet",
    documents: [
      gateway("{name: http, port: 80, protocol: HTTP, hostname: a.org}"),
      SERVICE,
      route("{name: edge}", "hostnames: [b.org], rules: [{backendRefs: [{name: b, port: 80}]}]"),
    ],
    says: ["HTTPRoute Accepted=False NoMatchingListenerHostname"],
  },
  {
    reason: "a kind that the listener does not let in",
    documents: [
      gateway(HTTP),
      SERVICE,
      route("{name: edge}", "rules: [{backendRefs: [{name: b, port: 80}]}]", "TCPRoute"),
    ],
    says: ["TCPRoute Accepted=False NotAllowedByListeners"],
  },
  ...[
    ["of a kind that nobody knows", "{group: a.io, kind: B, name: b, port: 80}", "InvalidKind"],
    ["that is not there", "{name: nobody, port: 80}", "BackendNotFound"],
    ["of a namespace that does not let it", "{name: b, namespace: other, port: 80}", "RefNotPermitted"],
  ].map(
    ([what, ref, reason]): Row => ({
      reason: `a backend ${what}`,
      documents: [gateway(HTTP), SERVICE, route("{name: edge}", `rules: [{backendRefs: [${ref}]}]`)],
      says: ["HTTPRoute Accepted=True Accepted", `HTTPRoute ResolvedRefs=False ${reason}`],
    }),
  ),
];

describe("a condition says", () => {
  test.each(ROWS.map((row) => [row.reason, row] as const))("%s", (_, { documents, says, not = [], served }) => {
    const all = told(documents, served);
    for (const line of says) expect(all).toContain(line);
    for (const pattern of not) expect(all.filter((line) => pattern.test(line))).toEqual([]);
  });
});

describe("the features that a GatewayClass claims", () => {
  test("are sorted by name and each is there once", () => {
    expect(SUPPORTED_FEATURES).toEqual([...new Set(SUPPORTED_FEATURES)].toSorted());
  });

  const tests = existsSync(SUITE_FOLDER) ? conformanceTests() : undefined;
  if (tests === undefined) {
    console.warn(`SKIPPED: ${SUITE_FOLDER} is not there`);
    test.skip("are those whose tests pass", () => {});
    return;
  }
  test("are those whose tests pass, and none whose tests do not", () => {
    const passing = tests.filter(({ name }) => LEFT_OUT[name] === undefined);
    expect(passing.flatMap(({ features }) => features).filter((f) => !SUPPORTED_FEATURES.includes(f))).toEqual([]);
    const kinds = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"];
    const proven = kinds.filter((kind) => passing.some(({ features }) => features.includes(kind)));
    expect(SUPPORTED_FEATURES.filter((f) => kinds.includes(f)).toSorted()).toEqual(proven.toSorted());
  });
});
