/**
 * Sidecar documents: what they come to, and what is refused.
 */
import { describe, expect, test } from "bun:test";
import { errors, load, warnings } from "./support/documents.ts";

const sidecar = (spec: string, namespace = "shop"): string =>
  `{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: s, namespace: ${namespace}}, spec: {${spec}}}`;

test("everything that it says", () => {
  const read = load(
    sidecar(`workloadSelector: {labels: {app: a}}, outboundTrafficPolicy: {mode: REGISTRY_ONLY},
 inboundConnectionPool: {tcp: {maxConnections: 7}},
 egress: [{port: {number: 9080, protocol: HTTP, name: e}, bind: 127.0.0.2, hosts: ["prod/*.Example.com", "./*", "~*/a.b"]},
  {port: {number: 3306, protocol: MYSQL, name: m}, captureMode: NONE, hosts: ["*/*"]}, {hosts: ["~/*"]}],
 ingress: [{port: {number: 80, protocol: GRPC, name: i}, defaultEndpoint: "127.0.0.1:8080", captureMode: DEFAULT}]`),
  ).mesh.sidecars[0];
  expect(read).toMatchObject({
    workloadSelector: { app: "a" },
    outboundTrafficPolicy: "REGISTRY_ONLY",
    inboundConnectionPool: { maxConnections: 7 },
    egress: [
      {
        port: { number: 9080, protocol: "http" },
        bind: "127.0.0.2",
        hosts: [
          { namespace: "prod", host: "*.example.com", excluded: false },
          { namespace: ".", host: "*", excluded: false },
          { namespace: "*", host: "a.b", excluded: true },
        ],
      },
      { port: { number: 3306, protocol: "tcp" }, bind: "127.0.0.1" },
      { port: undefined, bind: undefined, hosts: [{ namespace: "*", host: "*", excluded: true }] },
    ],
    ingress: [{ port: 80, protocol: "grpc", defaultEndpoint: { address: "127.0.0.1", port: 8080 } }],
  });
});

test("TLS that an ingress listener ends, by files beside the document", () => {
  const text = sidecar(`workloadSelector: {labels: {app: a}}, ingress: [{port: {number: 443, protocol: HTTPS, name: i},
    tls: {mode: MUTUAL, serverCertificate: c.pem, privateKey: k.pem, caCertificates: ca.pem, caCrl: ca.crl}}]`);
  expect(errors(text)).toEqual([]);
  expect(load(text, "/docs/s.yaml").mesh.sidecars[0]?.ingress[0]?.tls).toMatchObject({
    mode: "MUTUAL",
    certificate: { pairs: [{ certificate: "/docs/c.pem", privateKey: "/docs/k.pem" }], caCertificates: "/docs/ca.pem" },
    caCrl: "/docs/ca.crl",
  });
});

test("unix sockets", () => {
  const text =
    sidecar(`egress: [{port: {number: 0, protocol: HTTP, name: e}, bind: "unix:///run/out.sock", hosts: ["./*"]},
  {port: {number: 6379, protocol: TCP, name: m}, bind: "unix://@cache", hosts: ["*/*"]}],
 ingress: [{port: {number: 80, protocol: HTTP, name: i}, defaultEndpoint: "unix:///run/app.sock"}]`);
  expect(errors(text)).toEqual([]);
  expect(load(text).mesh.sidecars[0]).toMatchObject({
    egress: [
      { port: { number: 0 }, bind: "unix:///run/out.sock" },
      { port: { number: 6379 }, bind: "unix://@cache" },
    ],
    ingress: [{ defaultEndpoint: { path: "/run/app.sock" } }],
  });
});

const port = (number: number, protocol = "HTTP"): string => `port: {number: ${number}, protocol: ${protocol}, name: p}`;
const https = "port: {number: 80, protocol: HTTPS, name: p}";
const FILES = "serverCertificate: a, privateKey: b";

describe.each([
  ["egress: [{hosts: ['a.b.com']}]", "must be namespace/host"],
  ["egress: [{hosts: ['A_B/x']}]", "must be namespace/host"],
  ["egress: [{hosts: ['*/a.*.b']}]", "must be namespace/host"],
  ["egress: [{hosts: []}]", "must have at least one host"],
  ["egress: [{}]", 'field "hosts" is missing'],
  ["egress: [{hosts: ['*/*']}, {hosts: ['*/*']}]", "only one listener may be without a port"],
  [`egress: [{hosts: ['*/*']}, {${port(80)}, hosts: ['*/*']}]`, "a listener without a port must be the last one"],
  [`egress: [{${port(80)}, hosts: ['*/*']}, {${port(80)}, hosts: ['*/*']}]`, "the port 80 stands twice"],
  ["egress: [{bind: 127.0.0.1, hosts: ['*/*']}]", 'needs a "port" beside it'],
  [`egress: [{${port(80)}, bind: 'unix://a', hosts: ['*/*']}]`, "a unix socket is unix:///path or unix://@name"],
  [`egress: [{${port(80)}, bind: 'unix:///${"a".repeat(107)}', hosts: ['*/*']}]`, "may have 107 bytes, found 108"],
  [`egress: [{${port(0, "TCP")}, bind: 'unix:///a', hosts: ['*/*']}]`, "must be a port of a service"],
  [`egress: [{${port(0)}, bind: 127.0.0.1, hosts: ['*/*']}]`, "number: must be"],
  [`egress: [{${port(80)}, bind: localhost, hosts: ['*/*']}]`, "must be an IP address"],
  [`egress: [{${port(80, "SMTP")}, hosts: ['*/*']}]`, "must be one of HTTP"],
  [`ingress: [{${port(80)}}, {${port(80)}}]`, "the port 80 stands twice"],
  [`ingress: [{${port(80)}, defaultEndpoint: "10.0.0.1:80"}]`, "must be 127.0.0.1, [::1], 0.0.0.0 or [::] with a port"],
  [`ingress: [{${port(80)}, defaultEndpoint: "127.0.0.1:99999"}]`, "must be 127.0.0.1"],
  [`ingress: [{${port(80)}, defaultEndpoint: "unix://a.sock"}]`, "a unix socket is unix:///path"],
  [`ingress: [{${port(80)}, tls: {mode: SIMPLE}}]`, "needs a port of protocol HTTPS or TLS"],
  [`ingress: [{${https}, tls: {mode: SIMPLE}}]`, "missing: serverCertificate, privateKey"],
  [`ingress: [{${https}, tls: {credentialName: c}}]`, "cannot stand in a Sidecar"],
  [`ingress: [{${https}, tls: {httpsRedirect: true, ${FILES}}}]`, "cannot stand in a Sidecar"],
  [`ingress: [{${https}, tls: {subjectAltNames: [a], ${FILES}}}]`, "cannot stand in a Sidecar"],
  [`ingress: [{${https}, tls: {mode: ISTIO_MUTUAL}}]`, "must be one of SIMPLE, MUTUAL"],
  [`ingress: [{${https}, tls: {mode: PASSTHROUGH}}]`, "must be one of SIMPLE, MUTUAL"],
  [`ingress: [{${https}, tls: {mode: MUTUAL, ${FILES}}}]`, "missing: caCertificates"],
  ["ingress: [{}]", 'field "port" is missing'],
  ["outboundTrafficPolicy: {mode: SOME}", "must be"],
  ["outboundTrafficPolicy: {egressProxy: {host: a}}", "egressProxy"],
  ["egres: []", 'unknown field "egres"; did you mean "egress"?'],
])("%s is refused", (spec, message) => {
  test("with its field", () => expect(errors(sidecar(spec)).join("\n")).toContain(message));
});

test("ingress of the whole mesh's default is refused", () => {
  expect(errors(sidecar(`ingress: [{${port(80)}}]`, "istio-system")).join()).toContain(
    "cannot stand in the default of the whole mesh",
  );
});

test("a selector without labels is warned of", () => {
  expect(warnings(sidecar("workloadSelector: {}")).join()).toContain("selects every workload");
});
