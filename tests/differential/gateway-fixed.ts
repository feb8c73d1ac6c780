/**
 * Comparisons at the gateway that a person wrote: Istio's Gateways, and VirtualServices that are bound to them.
 *
 * @module
 */
import type { Ask, Case } from "./comparison.ts";
import { documentsOf } from "./rig/document.ts";
import type { Door } from "./rig/edge.ts";

const document = (kind: string, name: string, spec: string, namespace = "default"): string =>
  `---\napiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n`;

const server = (hosts: string, port = 30_080, more = ""): string =>
  `{port: {number: ${port}, name: "http-${hosts.length}-${port}", protocol: HTTP}, hosts: [${hosts}]${more}}`;
const gateway = (servers: string, name = "HOST", namespace = "default"): string =>
  document("Gateway", name, `{selector: {istio: edge}, servers: [${servers}]}`, namespace);

const SUBSETS = document(
  "DestinationRule",
  "HOST",
  "{host: HOST, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v3, labels: {version: v3}}]}",
);

const to = (subset: string): string =>
  `route: [{destination: {host: HOST.default.svc.cluster.local, subset: ${subset}, port: {number: 80}}}]`;
const rules = (hosts: string, http: string, more = "gateways: [HOST]", name = "HOST", namespace = "default"): string =>
  document("VirtualService", name, `{hosts: [${hosts}], ${more}, http: ${http}}`, namespace);

const ask = (host: string, path = "/", headers: Readonly<Record<string, string>> = {}, door: Door = "http"): Ask => ({
  door,
  host,
  port: 0,
  method: "GET",
  path,
  headers: Object.entries(headers),
  body: "",
});

const compared = (what: string, texts: readonly string[], asks: readonly Ask[]): Case => ({
  what,
  documents: documentsOf([SUBSETS, ...texts].join("")),
  asks,
});

const HOSTS = ["HOST.gate", "a.HOST.gate", "b.a.HOST.gate", "xHOST.gate", "HOST.gate:80", "HOST.GATE", "a.HOST.gate."];
const everyHost = HOSTS.map((host) => ask(host));

export const GATEWAY_FIXED: readonly Case[] = [
  compared("a Gateway without rules", [gateway(server("HOST.gate"))], everyHost),
  compared("rules without a Gateway", [rules("HOST.gate", `[{${to("v1")}}]`)], everyHost),
  compared("a host", [gateway(server("HOST.gate")), rules("HOST.gate", `[{${to("v1")}}]`)], everyHost),
  compared(
    "a wildcard before a host, and a host before a wildcard",
    [
      gateway(server("'*.HOST.gate', HOST.gate")),
      rules("'*.HOST.gate'", `[{${to("v1")}}]`),
      rules("a.HOST.gate", `[{${to("v2")}}]`, "gateways: [HOST]", "HOST-a"),
    ],
    everyHost,
  ),
  compared(
    "a narrow Gateway under wide rules",
    [gateway(server("a.HOST.gate")), rules("'*.HOST.gate'", `[{${to("v1")}}]`)],
    everyHost,
  ),
  compared(
    "two VirtualServices of one host",
    [
      gateway(server("HOST.gate")),
      rules("HOST.gate", `[{match: [{uri: {prefix: /a}}], ${to("v1")}}, {${to("v3")}}]`),
      rules("HOST.gate", `[{match: [{uri: {prefix: /b}}], ${to("v2")}}]`, "gateways: [HOST]", "HOST-b"),
    ],
    ["/a", "/b", "/"].map((path) => ask("HOST.gate", path)),
  ),
  compared(
    "two ports, and matches of one",
    [
      gateway(`${server("HOST.gate")}, ${server("HOST.gate", 30_081)}`),
      rules("HOST.gate", `[{match: [{port: 30081}], ${to("v1")}}, {match: [{uri: {prefix: /a}}], ${to("v2")}}]`),
    ],
    (["http", "httpAlt"] as const).flatMap((door) => ["/a", "/"].map((path) => ask("HOST.gate", path, {}, door))),
  ),
  compared(
    "namespaces of hosts",
    [
      gateway(server("./a.HOST.gate, other/b.HOST.gate, '*/c.HOST.gate'")),
      rules("'*.HOST.gate'", `[{${to("v1")}}]`),
      rules("'*.HOST.gate'", `[{${to("v2")}}]`, "gateways: [default/HOST]", "HOST", "other"),
    ],
    ["a.HOST.gate", "b.HOST.gate", "c.HOST.gate", "d.HOST.gate"].map((host) => ask(host)),
  ),
  compared(
    "all requests to HTTPS",
    [
      gateway(server("HOST.gate, '*.HOST.gate'", 30_080, ", tls: {httpsRedirect: true}")),
      rules("HOST.gate", `[{${to("v1")}}]`),
    ],
    [...everyHost, ask("HOST.gate", "/a?b=c"), ask("HOST.gate", "/", { "x-forwarded-proto": "https" })],
  ),
  compared(
    "hosts with a namespace, to HTTPS",
    [gateway(server("./a.HOST.gate", 30_080, ", tls: {httpsRedirect: true}"))],
    [ask("a.HOST.gate")],
  ),
  compared(
    "gateways and mesh",
    [
      gateway(server("HOST.gate")),
      rules(
        "HOST.gate, HOST.default.svc.cluster.local",
        `[{match: [{gateways: [mesh]}], ${to("v1")}}, {match: [{gateways: [default/HOST]}], ${to("v2")}}, {${to("v3")}}]`,
        "gateways: [HOST, mesh]",
      ),
    ],
    [
      ask("HOST.gate"),
      { port: 0, method: "GET", path: "/", headers: [], body: "" },
      { caller: "guest", host: "HOST.default", port: 0, method: "GET", path: "/", headers: [], body: "" },
    ],
  ),
  compared(
    "a Gateway of another namespace, and rules for others' eyes",
    [
      gateway(server("HOST.gate"), "HOST", "other"),
      rules("HOST.gate", `[{match: [{uri: {prefix: /a}}], ${to("v1")}}]`, "gateways: [other/HOST]"),
      rules("HOST.gate", `[{match: [{uri: {prefix: /b}}], ${to("v2")}}]`, "gateways: [HOST]", "HOST-b", "other"),
      rules("HOST.gate", `[{${to("v3")}}]`, "gateways: [other/HOST], exportTo: [other]", "HOST-c"),
    ],
    ["/a", "/b", "/"].map((path) => ask("HOST.gate", path)),
  ),
  compared(
    "a delegate",
    [
      gateway(server("HOST.gate")),
      rules(
        "HOST.gate",
        `[{match: [{uri: {prefix: /a}}], delegate: {name: HOST-part, namespace: other}}, {${to("v3")}}]`,
      ),
      document("VirtualService", "HOST-part", `{http: [{match: [{uri: {prefix: /a/b}}], ${to("v1")}}]}`, "other"),
    ],
    ["/a", "/a/b", "/"].map((path) => ask("HOST.gate", path)),
  ),
  compared(
    "what a caller says of itself",
    [
      gateway(server("HOST.gate")),
      rules("HOST.gate", `[{match: [{scheme: {exact: https}}], ${to("v1")}}, {${to("v2")}}]`),
    ],
    [
      { "x-forwarded-for": "192.0.2.1" },
      { "x-forwarded-proto": "https" },
      { "x-forwarded-client-cert": "By=spiffe://cluster.local/ns/default/sa/x" },
      { "x-envoy-internal": "true", "x-envoy-original-path": "/x" },
      { "x-request-id": "mine" },
      { "x-forwarded-host": "other.example", "x-envoy-retry-on": "5xx", "x-answers": "503,200" },
    ].map((headers) => ask("HOST.gate", "/", headers)),
  ),
];
