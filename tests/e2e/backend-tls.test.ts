/**
 * A BackendTLSPolicy for calls of workloads: to a server outside, checked by roots of a ConfigMap. By our proxies and real Envoys.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { ensureEnvoy } from "../support/envoy.ts";
import { hasOpenssl, OpensslCa } from "../support/openssl-ca.ts";
import { document, serviceOf } from "./support/documents.ts";
import { eventually } from "./support/eventually.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const binary = await ensureEnvoy();
const WAYS = [
  ["our proxies", []],
  ...(binary === undefined ? [] : [["real Envoys", ["--proxy", "envoy"]] as const]),
] as const;

describe.skipIf(!hasOpenssl)("a BackendTLSPolicy in the mesh", () => {
  const ca = new OpensslCa("bank");
  const stranger = new OpensslCa("stranger");
  const own = ca.issue("bank", { names: ["DNS:bank.example.com"] });
  const bank = createServer({ cert: own.certChainPem, key: own.privateKeyPem }, (socket: TLSSocket) => {
    socket.on("error", () => {});
    const text = `bank sni=${String(socket.servername)}`;
    socket.on("data", () =>
      socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${text.length}\r\n\r\n${text}`),
    );
  });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => void bank.listen(0, "127.0.0.1", resolve));
    ({ port } = bank.address() as AddressInfo);
  });
  afterAll(() => {
    bank.close();
    for (const it of [ca, stranger]) it.close();
  });

  const entry = (): string =>
    document(
      "networking.istio.io/v1",
      "ServiceEntry",
      "{name: bank}",
      `{hosts: [bank.internal], ports: [{number: 80, name: http, protocol: HTTP, targetPort: ${port}}], resolution: STATIC, endpoints: [{address: 127.0.0.1}]}`,
    );
  const roots = (pem: string, crl?: string): string =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "roots" },
      data: { "ca.crt": pem, ...(crl !== undefined && { "ca.crl": crl }) },
    });
  const policy = (hostname: string): string =>
    document(
      "gateway.networking.k8s.io/v1",
      "BackendTLSPolicy",
      "{name: bank}",
      `{targetRefs: [{group: networking.istio.io, kind: ServiceEntry, name: bank}],
        validation: {hostname: ${hostname}, caCertificateRefs: [{group: "", kind: ConfigMap, name: roots}]}}`,
    );

  describe.each(WAYS)("by %s", (_, args) => {
    const empty = mkdtempSync(join(tmpdir(), "tulle-backend-tls-"));
    let mesh: MeshRun;
    beforeAll(async () => {
      const files = {
        "mesh.yaml": serviceOf("client", [process.execPath, `${APPS}/echo.ts`]),
        "entry.yaml": entry(),
        "policy.yaml": policy("bank.example.com"),
        "roots.yaml": roots(ca.certificatePem),
      };
      mesh = await MeshRun.start({ folder: empty, files, args });
    }, 90_000);
    afterAll(async () => {
      await mesh?.stop();
      rmSync(empty, { recursive: true });
    }, 40_000);

    const becomes = (what: string, wanted: number) =>
      eventually(what, async () => (await mesh.callFrom("client", "http://bank.internal/")).status === wanted, 15_000);

    test("begins TLS with its name", async () => {
      const { status, body } = await mesh.callFrom("client", "http://bank.internal/");
      expect([status, body]).toEqual([200, "bank sni=bank.example.com"]);
    });

    test("lets nobody be called whom it does not know", async () => {
      const steps: readonly (readonly [string, string, number])[] = [
        ["policy.yaml", policy("shop.example.com"), 503],
        ["policy.yaml", policy("bank.example.com"), 200],
        ["roots.yaml", roots(stranger.certificatePem), 503],
        ["roots.yaml", roots(ca.certificatePem, ca.revocations([])), 200],
        ["roots.yaml", roots(ca.certificatePem, ca.revocations([own.leafPem])), 503],
        ["roots.yaml", roots(ca.certificatePem), 200],
        ["roots.yaml", roots(ca.certificatePem, "no list"), 503],
        ["roots.yaml", roots(ca.certificatePem), 200],
        ["roots.yaml", "# none\n", 503],
      ];
      for (const [file, text, wanted] of steps) {
        mesh.write(file, text);
        await becomes(`${wanted} by ${file} ${text.slice(0, 60)}`, wanted);
      }
      expect((await mesh.status()).rejections).toEqual([]);
    }, 60_000);
  });
});
