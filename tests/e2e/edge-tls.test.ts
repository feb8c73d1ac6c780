/**
 * TLS that documents ask for, at a gateway and at a workload's own port: several certificates, revocation lists, clients that are let in
 * unverified, a Sidecar that ends TLS. By our proxies and real Envoys.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { hasOpenssl, type IssuedPair, OpensslCa } from "../support/openssl-ca.ts";
import { gateway, server } from "./agreement/edge-documents.ts";
import { document, serviceOf, virtualService } from "./support/documents.ts";
import { askEdge } from "./support/edge-client.ts";
import { eventually } from "./support/eventually.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const binary = await ensureEnvoy();
const WAYS = [
  ["our proxies", []],
  ...(binary === undefined ? [] : [["real Envoys", ["--proxy", "envoy"]] as const]),
] as const;

describe.skipIf(!hasOpenssl)("TLS of documents", () => {
  const root = new OpensslCa("root");
  const stranger = new OpensslCa("stranger");
  afterAll(() => {
    for (const ca of [root, stranger]) ca.close();
  });
  const one = root.issue("one", { key: "RSA", names: ["DNS:one.example.com"] });
  const two = root.issue("two", { names: ["DNS:two.example.com"] });
  const client = root.issue("client", { names: ["DNS:client.example.com"] });
  const revoked = root.issue("revoked", { names: ["DNS:client.example.com"] });
  const foreign = stranger.issue("foreign", { names: ["DNS:client.example.com"] });

  const secret = (name: string, { certChainPem, privateKeyPem }: IssuedPair, more: object = {}): string =>
    `${JSON.stringify({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name },
      stringData: { "tls.crt": certChainPem, "tls.key": privateKeyPem, ...more },
    })}\n---\n`;
  const lists = (...pairs: readonly IssuedPair[]) => ({
    "ca.crt": root.certificatePem,
    "ca.crl": root.revocations(pairs.map(({ leafPem }) => leafPem)),
  });
  const edge = document(
    "tulle.dev/v1",
    "Workload",
    "{name: edge, labels: {edge: edge}}",
    "{serviceAccount: edge, role: gateway}",
  );
  const DOCUMENTS = [
    serviceOf("echo", [process.execPath, join(APPS, "echo.ts")]),
    serviceOf("own", [process.execPath, join(APPS, "echo.ts")]),
    edge,
    secret("one", one),
    secret("two", two),
    gateway("edge", "edge", [
      server(443, "HTTPS", "several", '"*.example.com"', "{mode: SIMPLE, credentialNames: [one, two]}"),
      server(444, "HTTPS", "asks", '"*.example.com"', "{mode: MUTUAL, credentialName: asks}"),
      server(
        445,
        "HTTPS",
        "open",
        '"*.example.com"',
        "{mode: OPTIONAL_MUTUAL, credentialName: asks, insecureSkipVerify: true}",
      ),
      server(
        446,
        "HTTPS",
        "files",
        '"*.example.com"',
        "{mode: MUTUAL, tlsCertificates: [{serverCertificate: one.pem, privateKey: one.key}, {serverCertificate: two.pem, privateKey: two.key}], caCertificates: ca.pem, caCrl: ca.crl}",
      ),
    ]),
    virtualService("v", '{hosts: ["*.example.com"], gateways: [edge], http: [{route: [{destination: {host: echo}}]}]}'),
    document(
      "networking.istio.io/v1",
      "Sidecar",
      "{name: own}",
      `{workloadSelector: {labels: {app: own}}, ingress: [{port: {number: 8080, protocol: HTTPS, name: i}, defaultEndpoint: "127.0.0.1:8080",
        tls: {mode: MUTUAL, serverCertificate: one.pem, privateKey: one.key, caCertificates: ca.pem, caCrl: ca.crl}}]}`,
    ),
  ].join("");
  const disabled = document(
    "security.istio.io/v1",
    "PeerAuthentication",
    "{name: own}",
    "{selector: {matchLabels: {app: own}}, portLevelMtls: {8080: {mode: DISABLE}}}",
  );

  describe.each(WAYS)("by %s", (kind, args) => {
    const empty = mkdtempSync(join(tmpdir(), "tulle-edge-tls-"));
    let mesh: MeshRun;
    beforeAll(async () => {
      const files = {
        "mesh.yaml": DOCUMENTS,
        "asks.yaml": secret("asks", one, lists()),
        "one.pem": one.certChainPem,
        "one.key": one.privateKeyPem,
        "two.pem": two.certChainPem,
        "two.key": two.privateKeyPem,
        "ca.pem": root.certificatePem,
        "ca.crl": lists(revoked)["ca.crl"],
      };
      mesh = await MeshRun.start({ folder: empty, files, args });
    }, 90_000);
    afterAll(async () => {
      await mesh?.stop();
      rmSync(empty, { recursive: true });
    }, 40_000);

    const ask = (port: number, more: { readonly name?: string; readonly certificate?: IssuedPair } = {}) => {
      const found = mesh.file.gateways.find((it) => it.port === port);
      return askEdge({ url: found?.url ?? "", name: "one.example.com", ...more });
    };

    test("a client is shown the certificate with its name", async () => {
      for (const port of [443, 446]) {
        const certificate = client;
        expect((await ask(port, { certificate }))?.names).toBe("DNS:one.example.com");
        expect((await ask(port, { certificate, name: "two.example.com" }))?.names).toBe("DNS:two.example.com");
        expect((await ask(port, { certificate, name: "other.example.com" }))?.names).toBe("DNS:one.example.com");
      }
    });

    test("a server of which one certificate is gone is left out, and comes back", async () => {
      mesh.write("mesh.yaml", DOCUMENTS.replace('"name":"two"', '"name":"three"'));
      await eventually("the server is gone", async () => (await ask(443)) === undefined, 15_000);
      mesh.write("mesh.yaml", DOCUMENTS);
      await eventually("the server is back", async () => (await ask(443))?.status === 200, 15_000);
    }, 40_000);

    test("a client that a list in the Secret names is refused from then on", async () => {
      expect((await ask(444, { certificate: client }))?.status).toBe(200);
      expect((await ask(444, { certificate: revoked }))?.status).toBe(200);
      expect(await ask(444, { certificate: foreign })).toBeUndefined();
      mesh.write("asks.yaml", secret("asks", one, lists(revoked)));
      await eventually("it is revoked", async () => (await ask(444, { certificate: revoked })) === undefined, 15_000);
      expect((await ask(444, { certificate: client }))?.status).toBe(200);
      expect(await ask(446, { certificate: revoked })).toBeUndefined();
    }, 40_000);

    test("clients that nobody verifies come in; with us as nobody", async () => {
      const known = await ask(445, { certificate: client });
      expect(known?.body).toContain("client.example.com");
      for (const certificate of [foreign, revoked]) {
        const answer = await ask(445, { certificate });
        expect(answer?.status).toBe(200);
        if (kind === "our proxies") expect(answer?.body).not.toContain("client.example.com");
      }
      expect((await ask(445))?.status).toBe(200);
    });

    test("a workload's Sidecar ends TLS where the mesh's is off", async () => {
      mesh.write("disabled.yaml", disabled);
      const [at = ""] = mesh.proxy("own").inbound;
      const own = (certificate: IssuedPair | undefined) =>
        askEdge({ url: `https://${at}`, name: "one.example.com", ...(certificate && { certificate }) });
      await eventually("TLS ends", async () => (await own(client))?.status === 200, 15_000);
      expect((await own(client))?.names).toBe("DNS:one.example.com");
      for (const certificate of [foreign, revoked, undefined]) expect(await own(certificate)).toBeUndefined();
      const plain = await fetch(`http://${at}/`).then(
        ({ status }) => status,
        () => "refused",
      );
      expect(plain).toBe("refused");
      expect((await mesh.status()).rejections).toEqual([]);
    }, 40_000);
  });
});
