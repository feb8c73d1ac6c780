/**
 * A mesh with gateways of every kind at its edge.
 *
 * @module
 */
import { join } from "node:path";
import { serverKeyPair, type TestKeyPair } from "../../support/server-certificates.ts";
import { document, serviceOf, virtualService } from "../support/documents.ts";
import { APPS } from "../support/mesh-run.ts";

export const pairs = {
  exact: serverKeyPair(["a.example.com"]),
  wild: serverKeyPair(["*.example.com"]),
  rest: serverKeyPair(["rest.example.org"]),
  own: serverKeyPair(["pass.example.com"]),
  /** A client that MUTUAL servers know, and one that they do not. */
  client: serverKeyPair(["client.example.com"]),
  stranger: serverKeyPair(["client.example.com"]),
} satisfies Record<string, TestKeyPair>;

/** `roots`: whom clients are checked against. */
export const secret = (name: string, { certChainPem, privateKeyPem }: TestKeyPair, roots?: string): string =>
  `${JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name },
    type: "kubernetes.io/tls",
    stringData: { "tls.crt": certChainPem, "tls.key": privateKeyPem, ...(roots && { "ca.crt": roots }) },
  })}\n---\n`;

/** A gateway workload with the label `edge: <name>`. */
const workload = (name: string, topology: string): string => `
apiVersion: tulle.dev/v1
kind: Workload
metadata:
  name: ${name}
  labels: {app: ${name}, edge: ${name}}
  annotations:
    proxy.istio.io/config: |
      gatewayTopology: {${topology}}
spec: {serviceAccount: ${name}, role: gateway}
---
`;

export const gateway = (name: string, edge: string, servers: readonly string[]): string =>
  document(
    "networking.istio.io/v1",
    "Gateway",
    `{name: ${name}}`,
    `{selector: {edge: ${edge}}, servers: [${servers.join(", ")}]}`,
  );

export const server = (port: number, protocol: string, name: string, hosts: string, tls?: string): string =>
  `{port: {number: ${port}, protocol: ${protocol}, name: ${name}}, hosts: [${hosts}]${tls === undefined ? "" : `, tls: ${tls}`}}`;

const rootsOf = pairs.client.certChainPem;
const TO_ECHO = "route: [{destination: {host: echo}}]";

export const EDGE_DOCUMENTS = [
  serviceOf("echo", ["bun", join(APPS, "echo.ts")], { VERSION: "v1" }),
  serviceOf("secure", ["bun", join(APPS, "tls-server.ts")], {
    CERTIFICATE: pairs.own.certChainPem,
    PRIVATE_KEY: pairs.own.privateKeyPem,
  }).replace("name: http, port: 80", "name: tls, port: 443"),
  serviceOf("greeter", ["bun", join(APPS, "greeter.ts")]).replace("name: http, port: 80", "name: tcp, port: 7000"),
  workload("edge", ""),
  workload("edge-1", "numTrustedProxies: 1"),
  workload("edge-2", "numTrustedProxies: 2, forwardClientCertDetails: APPEND_FORWARD"),
  workload("edge-proxied", "proxyProtocol: {}"),
  secret("exact", pairs.exact),
  secret("wild", pairs.wild),
  secret("rest", pairs.rest),
  secret("mutual", pairs.exact, rootsOf),
  gateway("http", "edge", [
    server(80, "HTTP", "plain", "plain.example.com"),
    server(80, "HTTP", "redirect", "a.example.com", "{httpsRedirect: true}"),
  ]),
  gateway("east", "edge", [server(15_443, "TLS", "east", '"*.local"', "{mode: AUTO_PASSTHROUGH}")]),
  gateway("https", "edge", [
    server(443, "HTTPS", "exact", "a.example.com", "{mode: SIMPLE, credentialName: exact}"),
    server(443, "HTTPS", "wild", '"*.example.com"', "{mode: SIMPLE, credentialName: wild}"),
    server(443, "HTTPS", "mutual", "mutual.example.com", "{mode: MUTUAL, credentialName: mutual}"),
    server(443, "HTTPS", "optional", "optional.example.com", "{mode: OPTIONAL_MUTUAL, credentialName: mutual}"),
    server(
      443,
      "HTTPS",
      "newest",
      "newest.example.com",
      "{mode: SIMPLE, credentialName: exact, minProtocolVersion: TLSV1_3}",
    ),
    server(443, "TLS", "pass", "pass.example.com", "{mode: PASSTHROUGH}"),
  ]),
  gateway("rest", "edge", [
    server(444, "HTTPS", "exact", "a.example.com", "{mode: SIMPLE, credentialName: exact}"),
    server(444, "HTTPS", "rest", '"*"', "{mode: SIMPLE, credentialName: rest}"),
  ]),
  gateway("opaque", "edge", [
    server(70, "TCP", "tcp", '"*"'),
    server(446, "TLS", "ended", "greeter.example.com", "{mode: SIMPLE, credentialName: wild}"),
  ]),
  gateway("behind-1", "edge-1", [server(80, "HTTP", "http", '"*"')]),
  gateway("proxied", "edge-proxied", [server(80, "HTTP", "http", '"*"')]),
  gateway("behind-2", "edge-2", [server(80, "HTTP", "http", '"*"')]),
  virtualService(
    "echo",
    `{hosts: ["*"], gateways: [http, https, rest, behind-1, behind-2, proxied], http: [
      {match: [{port: 444}], headers: {response: {set: {x-port: "444"}}}, ${TO_ECHO}},
      {match: [{gateways: [http], uri: {prefix: /plain}}], headers: {response: {set: {x-gateway: http}}}, ${TO_ECHO}},
      {${TO_ECHO}}]}`,
  ),
  virtualService(
    "connections",
    `{hosts: ["*"], gateways: [https, opaque], tls: [
      {match: [{sniHosts: [pass.example.com], port: 443}], route: [{destination: {host: secure, port: {number: 443}}}]}],
     tcp: [{match: [{port: 70}, {port: 446}], route: [{destination: {host: greeter}}]}]}`,
  ),
].join("");
