/**
 * Gateways, their credentials, and VirtualServices that are bound to them become the model; what they must not say is refused.
 */
import { describe, expect, test } from "bun:test";
import { loadDocuments } from "../src/config/load.ts";
import { noTopology } from "../src/model/gateway.ts";
import { formatProblem } from "../src/base/problem.ts";
import { errors, load, warnings } from "./support/documents.ts";
import { serverKeyPair } from "./support/server-certificates.ts";

// === helpers ===

const gateway = (server: string): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers: [${server}]
`;
const HTTP = "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}";
const https = (tls: string, port = "{number: 443, name: https, protocol: HTTPS}"): string =>
  gateway(`{port: ${port}, hosts: [a.example.com], tls: ${tls}}`);

const secret = (data: Readonly<Record<string, string>>, type = "kubernetes.io/tls"): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "cert", namespace: "shop" },
    type,
    data: Object.fromEntries(Object.entries(data).map(([name, text]) => [name, Buffer.from(text).toString("base64")])),
  });

const virtualService = (spec: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: shop}\nspec: {${spec}}\n`;

const server = (text: string) => load(text).mesh.gateways[0]?.servers[0];

/** Enough of one to be taken for one. */
const LIST = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";

// === tests ===

describe("servers", () => {
  test("are read with their hosts' namespaces; v1, v1beta1 and v1alpha3 alike", () => {
    for (const version of ["v1", "v1beta1", "v1alpha3"]) {
      const hosts = "hosts: ['*', ./B.example.com, other/*.example.com, '*/c.example.com'], bind: 127.0.0.1";
      const loaded = load(
        gateway(`{port: {number: 8080, name: http, protocol: http2}, ${hosts}}`).replace("/v1\n", `/${version}\n`),
      );
      expect(loaded.problems).toEqual([]);
      const [only] = loaded.mesh.gateways;
      expect(only?.selector).toEqual({ istio: "ingressgateway" });
      expect(only?.servers[0]).toMatchObject({
        bind: "127.0.0.1",
        port: { number: 8080, name: "http", protocol: "HTTP" },
        tls: undefined,
        hosts: [
          { namespace: undefined, host: "*" },
          { namespace: "shop", host: "b.example.com" },
          { namespace: "other", host: "*.example.com" },
          { namespace: undefined, host: "c.example.com" },
        ],
      });
    }
  });

  test("TLS: a credential, or files beside the document", () => {
    expect(server(https("{mode: SIMPLE, credentialName: kubernetes://cert}"))?.tls?.certificate).toEqual({
      t: "credentials",
      names: ["cert"],
      caName: undefined,
    });
    const files = load(
      https("{mode: MUTUAL, serverCertificate: c.pem, privateKey: /k.pem, caCertificates: ca.pem}"),
      "/docs/g.yaml",
    );
    expect(files.mesh.gateways[0]?.servers[0]?.tls?.certificate).toEqual({
      t: "files",
      pairs: [{ certificate: "/docs/c.pem", privateKey: "/k.pem" }],
      caCertificates: "/docs/ca.pem",
    });
  });

  test("several certificates: credentials, or files", () => {
    const names = "{mode: SIMPLE, credentialNames: [a, b, a]}";
    expect(server(https(names))?.tls?.certificate).toMatchObject({ t: "credentials", names: ["a", "b"] });
    const pair = (name: string) => `{serverCertificate: ${name}.pem, privateKey: ${name}.key}`;
    const files = load(
      https(`{mode: MUTUAL, tlsCertificates: [${pair("a")}, ${pair("b")}], caCertificates: ca.pem, caCrl: ca.crl}`),
      "/docs/g.yaml",
    );
    expect(files.mesh.gateways[0]?.servers[0]?.tls).toMatchObject({
      certificate: {
        pairs: [
          { certificate: "/docs/a.pem", privateKey: "/docs/a.key" },
          { certificate: "/docs/b.pem", privateKey: "/docs/b.key" },
        ],
        caCertificates: "/docs/ca.pem",
      },
      caCrl: "/docs/ca.crl",
      letsUnverifiedIn: false,
    });
  });

  test("insecureSkipVerify lets clients in; where none is asked it is said to do nothing", () => {
    expect(server(https("{mode: MUTUAL, credentialName: a, insecureSkipVerify: true}"))?.tls?.letsUnverifiedIn).toBe(
      true,
    );
    const hash = `verifyCertificateHash: ["${"ab".repeat(32)}"]`;
    for (const field of ["insecureSkipVerify: true", "caCrl: /x", "subjectAltNames: [a]", hash])
      expect(warnings(https(`{mode: SIMPLE, credentialName: a, ${field}}`)).join()).toContain("has no effect");
  });

  test("limits of TLS, and who a client must be", () => {
    const hash = "AB".repeat(32);
    const key = `${"A".repeat(43)}=`;
    const tls = server(
      https(
        `{mode: MUTUAL, credentialName: c, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_3, cipherSuites: [AES128-SHA], subjectAltNames: [a], verifyCertificateHash: ["${hash}"], verifyCertificateSpki: ["${key}"]}`,
      ),
    )?.tls;
    expect(tls).toMatchObject({
      minProtocolVersion: "TLSV1_3",
      maxProtocolVersion: "TLSV1_3",
      cipherSuites: ["AES128-SHA"],
      subjectAltNames: ["a"],
      certificateHashes: [hash.toLowerCase()],
      publicKeyHashes: [key],
    });
    expect(warnings(https("{mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_0}")).join()).toContain(
      "TLS below 1.2 is never spoken here",
    );
  });

  test.each([
    ["no servers", gateway(""), "must have at least one server"],
    ["no hosts", gateway(HTTP.replace("'*'", "")), "must have at least one host"],
    ["a host with a port", gateway(HTTP.replace("'*'", "a:80")), "must be a host name without port"],
    ["a namespace that is none", gateway(HTTP.replace("'*'", "A_/b")), "the namespace is not one"],
    ["a protocol that is none", gateway(HTTP.replace("protocol: HTTP", "protocol: HTPP")), 'did you mean "HTTP"?'],
    ["one port name twice", gateway(`${HTTP}, ${HTTP}`), 'the port name "http" stands twice'],
    ["HTTPS without tls", gateway(HTTP.replace("protocol: HTTP", "protocol: HTTPS")), "needs tls"],
    ["SIMPLE without a certificate", https("{mode: SIMPLE}"), "needs credentialName, or serverCertificate"],
    ["MUTUAL without roots", https("{mode: MUTUAL, serverCertificate: a, privateKey: b}"), "missing: caCertificates"],
    [
      "PASSTHROUGH with a certificate",
      https("{mode: PASSTHROUGH, credentialName: c}"),
      "cannot stand beside mode PASSTHROUGH",
    ],
    [
      "ISTIO_MUTUAL with a certificate",
      https("{mode: ISTIO_MUTUAL, credentialName: c}"),
      "the certificate is the mesh's",
    ],
    [
      "a certificate of AUTO_PASSTHROUGH",
      https("{mode: AUTO_PASSTHROUGH, credentialName: c}"),
      "the certificate is the destination's",
    ],
    [
      "TLS on plain HTTP",
      https("{mode: SIMPLE}", "{number: 80, name: h, protocol: HTTP}"),
      "nothing is encrypted there",
    ],
    [
      "a cipher suite that is none",
      https("{credentialName: c, cipherSuites: [RC4]}"),
      'the cipher suite "RC4" is not known',
    ],
    ["TLS 1.1 at most", https("{credentialName: c, maxProtocolVersion: TLSV1_1}"), "nothing would be left"],
    ["two ways to name", https("{credentialName: a, credentialNames: [b]}"), "cannot stand beside credentialName"],
    [
      "two ways to name files",
      https("{tlsCertificates: [{serverCertificate: a, privateKey: b}], serverCertificate: a, privateKey: b}"),
      "cannot stand beside tlsCertificates",
    ],
    ["a pair without a key", https("{tlsCertificates: [{serverCertificate: a}]}"), "needs privateKey"],
    ["no certificate at all", https("{tlsCertificates: []}"), "one certificate at least"],
    [
      "several without roots",
      https("{mode: MUTUAL, tlsCertificates: [{serverCertificate: a, privateKey: b}]}"),
      "missing: caCertificates",
    ],
    [
      "ISTIO_MUTUAL that does not verify",
      https("{mode: ISTIO_MUTUAL, insecureSkipVerify: true}"),
      "which always verifies",
    ],
    ["another namespace's credential", https("{credentialName: other/c}"), "of another namespace is not supported"],
    ["a short key", https("{credentialName: c, verifyCertificateSpki: [ab=]}"), "44 characters"],
    ["a short hash", https("{credentialName: c, verifyCertificateHash: [ab]}"), "must be a SHA-256 of 64 hex digits"],
  ])("%s is refused", (_, text, message) => {
    expect(errors(text).join()).toContain(message);
  });
});

describe("credentials", () => {
  const { certChainPem, privateKeyPem } = serverKeyPair(["a.example.com"]);
  const other = serverKeyPair(["b.example.com"]);

  test.each([
    ["kubernetes.io/tls", { "tls.crt": certChainPem, "tls.key": privateKeyPem, "ca.crt": other.certChainPem }],
    ["Opaque", { cert: certChainPem, key: privateKeyPem, cacert: other.certChainPem }],
  ])("of type %s", (type, data) => {
    const { mesh, problems } = load(secret(data, type));
    expect(problems).toEqual([]);
    const [credential] = mesh.credentials;
    expect(credential).toMatchObject({ name: "cert", namespace: "shop", trustedCaPem: other.certChainPem });
    const certificate = credential?.certificate;
    if (certificate?.t !== "keyPair") throw new Error("no key pair");
    expect(certificate.privateKeyPem.reveal()).toBe(privateKeyPem);
  });

  test("whose revocation lists stand beside no roots say so", () => {
    const { mesh, problems } = load(secret({ "tls.crt": certChainPem, "tls.key": privateKeyPem, "ca.crl": LIST }));
    expect(mesh.credentials).toHaveLength(1);
    expect(problems.map(({ message }) => message).join()).toContain("count beside ca.crt or cacert");
  });

  test("that are no gateway's are left alone", () => {
    const { mesh, problems } = load(secret({ password: "x" }, "Opaque"));
    expect(mesh.credentials).toEqual([]);
    expect(problems.map((p) => p.severity)).toEqual(["warning"]);
  });

  test("to be made here", () => {
    const text = `apiVersion: v1\nkind: Secret\nmetadata:\n  name: c\n  annotations: {tulle.dev/development-certificate: "A.localhost, *.localhost"}\n`;
    expect(load(text).problems).toEqual([]);
    expect(load(text).mesh.credentials[0]?.certificate).toEqual({
      t: "development",
      hosts: ["a.localhost", "*.localhost"],
    });
    expect(errors(text.replace("A.localhost", "a b")).join()).toContain("must be host names");
    expect(errors(`${text}stringData: {tls.crt: x}\n`).join()).toContain("take one of them away");
  });

  test("that cannot be used are refused, and what is secret is not repeated", () => {
    const cases: readonly (readonly [string, string])[] = [
      [secret({ "tls.crt": certChainPem }), "tls.key or key is missing"],
      [secret({ "tls.crt": "certainly-not", "tls.key": privateKeyPem }), "must be a certificate in PEM"],
      [secret({ "tls.crt": certChainPem, "tls.key": "hush-hush" }), "must be a private key in PEM"],
      [secret({ "tls.crt": certChainPem, "tls.key": other.privateKeyPem }), "is not the key of the certificate"],
      [secret({ "ca.crt": "hush-hush" }, "Opaque"), "must be certificates in PEM"],
      [secret({}).replace('"data":{}', '"data":{"tls.key":"hush-hush!"}'), "must be base64"],
      [secret({}).replace('"data":{}', '"data":{"tls.key":["hush-hush"]}'), "must be text in base64"],
    ];
    for (const [text, message] of cases) {
      const all = load(text).problems.map(formatProblem).join("\n");
      expect(all).toContain(message);
      expect(all).not.toMatch(/hush|certainly/);
      expect(all).not.toContain(privateKeyPem.split("\n")[1] as string);
    }
  });

  test.each([
    ["a number", { "ca.crl": 5 }, {}],
    ["nothing", { "ca.crl": null }, {}],
    ["no text", {}, { "ca.crl": "AAAA" }],
    ["no lists", { "ca.crl": "x" }, {}],
  ])("roots of a ConfigMap whose revocation lists are %s are not used", (_, data, binaryData) => {
    const all = { "ca.crt": certChainPem, ...data };
    const text = JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "r" },
      data: all,
      binaryData,
    });
    expect(load(text).mesh.configMaps[0]?.trustedCaPem).toBeUndefined();
    expect(warnings(text).join()).toContain("must be certificate revocation lists in PEM");
  });

  test("are not printed along with the mesh", () => {
    const { mesh } = load(secret({ "tls.crt": certChainPem, "tls.key": privateKeyPem }));
    const body = privateKeyPem.split("\n")[1] as string;
    expect(JSON.stringify(mesh)).not.toContain(body);
    expect(Bun.inspect(mesh, { depth: 20 })).not.toContain(body);
  });

  test("a certificate that breaks keeps what was live", () => {
    const first = loadDocuments([
      { file: "s.yaml", text: secret({ "tls.crt": certChainPem, "tls.key": privateKeyPem }) },
    ]);
    const second = loadDocuments(
      [{ file: "s.yaml", text: secret({ "tls.crt": "x", "tls.key": "y" }) }],
      first.documents,
    );
    expect(second.problems.map((p) => p.severity)).toContain("error");
    expect(second.mesh.credentials).toHaveLength(1);
    expect(second.documents.map((d) => d.status)).toContain("kept");
  });
});

describe("VirtualServices at gateways", () => {
  const ROUTE = "route: [{destination: {host: a}}]";

  test("names are of the rule's namespace, mesh where nothing is said", () => {
    const gateways = (written: string) =>
      load(virtualService(`hosts: [a.b.com], ${written} http: [{${ROUTE}}]`)).mesh.virtualServices[0]?.gateways;
    expect(gateways("")).toEqual(["mesh"]);
    expect(gateways("gateways: [edge, other/edge, mesh, ./edge, edge.third.svc.cluster.local],")).toEqual([
      "shop/edge",
      "other/edge",
      "mesh",
      "third/edge",
    ]);
  });

  test("the host * stands at a gateway, and not in the mesh", () => {
    expect(errors(virtualService(`hosts: ['*'], gateways: [edge], http: [{${ROUTE}}]`))).toEqual([]);
    expect(errors(virtualService(`hosts: ['*'], gateways: [edge, mesh], http: [{${ROUTE}}]`)).join()).toContain(
      "the host * is not allowed in the mesh",
    );
  });

  test("tls and tcp rules", () => {
    const read = load(
      virtualService(
        `hosts: ['*.b.com'], gateways: [edge], tls: [{match: [{sniHosts: [A.b.com], port: 443}], ${ROUTE}}], tcp: [{match: [{port: 27017, gateways: [edge]}], ${ROUTE}}]`,
      ),
    );
    expect(read.problems).toEqual([]);
    const [vs] = read.mesh.virtualServices;
    expect(vs?.tls[0]).toMatchObject({
      matches: [{ sniHosts: ["a.b.com"], port: 443, gateways: undefined }],
      destinations: [{ host: "a.shop.svc.cluster.local" }],
    });
    expect(vs?.tcp[0]?.matches).toMatchObject([{ port: 27017, gateways: ["shop/edge"] }]);
  });

  test.each([
    [`tls: [{${ROUTE}}]`, "must have a match with sniHosts"],
    [`tls: [{match: [{sniHosts: [c.com]}], ${ROUTE}}]`, 'no host of the VirtualService covers "c.com"'],
    [
      `tls: [{match: [{sniHosts: [a.b.com], destinationSubnets: [10.0.0.0/33]}], ${ROUTE}}]`,
      "must be an IP address, or a range",
    ],
    [`tcp: [{match: [{port: 1, sourceSubnet: here}], ${ROUTE}}]`, "must be an IP address, or a range"],
    ["tcp: [{match: [{port: 1}]}]", 'field "route" is missing'],
    ["tcp: [{route: [{destination: {host: a}, headers: {}}]}]", 'unknown field "headers"'],
  ])("%s is refused", (rules, message) => {
    expect(errors(virtualService(`hosts: [a.b.com], gateways: [edge], ${rules}`)).join()).toContain(message);
  });
});

describe("gateway workloads", () => {
  const workload = (more: string, annotations = "") =>
    `apiVersion: tulle.dev/v1\nkind: Workload\nmetadata:\n  name: edge\n  labels: {istio: ingressgateway}\n${annotations}spec: {${more}}\n`;

  test("say what stands in front of them by annotation, the mesh for all", () => {
    expect(load(workload("role: gateway")).mesh.workloads[0]?.gateway).toEqual({ topology: noTopology });
    const annotation = `  annotations:\n    proxy.istio.io/config: |\n      gatewayTopology: {numTrustedProxies: 2, forwardClientCertDetails: SANITIZE, proxyProtocol: {}}\n`;
    expect(load(workload("role: gateway", annotation)).mesh.workloads[0]?.gateway?.topology).toEqual({
      numTrustedProxies: 2,
      forwardClientCertDetails: "SANITIZE",
      proxyProtocol: true,
    });
    const mesh =
      "apiVersion: tulle.dev/v1\nkind: Mesh\nmetadata: {name: m}\nspec: {defaultConfig: {gatewayTopology: {numTrustedProxies: 1}}}\n";
    expect(load(mesh).mesh.settings.gatewayTopology).toEqual({ ...noTopology, numTrustedProxies: 1 });
    const wrong = annotation.replace("numTrustedProxies: 2", "numTrustedProxies: two");
    expect(errors(workload("role: gateway", wrong)).join()).toContain(
      'metadata.annotations["proxy.istio.io/config"].gatewayTopology.numTrustedProxies: must be a whole number from 0 to 255',
    );
  });

  test("run nothing beside the proxy", () => {
    expect(errors(workload("role: gateway, command: [bun]")).join()).toContain("cannot stand beside role: gateway");
    expect(errors(workload("role: edge")).join()).toContain("must be one of gateway");
  });
});
