/**
 * The DestinationRule of docs/egress.md with `credentialName`: who gets the Secret, and what becomes of calls without it. By our proxies, one
 * that all share, and real Envoys.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { ensureEnvoy } from "../support/envoy.ts";
import { hasOpenssl, type IssuedPair, OpensslCa } from "../support/openssl-ca.ts";
import { serviceOf } from "./support/documents.ts";
import { eventually } from "./support/eventually.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/egress.md"), "utf8");
const rule = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)]
  .map(([, yaml]) => yaml)
  .find((it) => it?.includes("credentialName"));
const binary = await ensureEnvoy();
const WAYS = [
  ["our proxies", []],
  ["one proxy for all", ["--shared"]],
  ...(binary === undefined ? [] : [["real Envoys", ["--proxy", "envoy"]] as const]),
] as const;

describe.skipIf(!hasOpenssl)("a certificate of a Secret", () => {
  const bankCa = new OpensslCa("bank");
  const clientCa = new OpensslCa("clients");
  const own = bankCa.issue("bank", { names: ["DNS:bank.localhost"] });
  const clients = [clientCa.issue("client-1"), clientCa.issue("client-2")] as const;
  const bank = createServer(
    {
      cert: own.certChainPem,
      key: own.privateKeyPem,
      ca: clientCa.certificatePem,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (socket: TLSSocket) => {
      socket.on("error", () => {});
      socket.on("data", () => {
        const who = socket.authorized ? socket.getPeerCertificate().subject.CN : "nobody";
        const text = `${who} sni=${String(socket.servername)}`;
        // An Envoy goes on with connections that it has.
        socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
      });
    },
  );
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => void bank.listen(0, "127.0.0.1", resolve));
    ({ port } = bank.address() as AddressInfo);
  });
  afterAll(() => {
    bank.close();
    for (const ca of [bankCa, clientCa]) ca.close();
  });

  const entry = (): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: bank}
spec:
  hosts: [bank.localhost]
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: ${port}}]
  resolution: DNS
`;
  const secret = ({ certChainPem, privateKeyPem }: IssuedPair, crl?: string): string =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "bank-client" },
      type: "kubernetes.io/tls",
      stringData: {
        "tls.crt": certChainPem,
        "tls.key": privateKeyPem,
        "ca.crt": bankCa.certificatePem,
        ...(crl !== undefined && { "ca.crl": crl }),
      },
    });

  describe.each(WAYS)("by %s", (_, args) => {
    const empty = mkdtempSync(join(tmpdir(), "tulle-credentials-"));
    let mesh: MeshRun;
    beforeAll(async () => {
      const echo = [process.execPath, `${APPS}/echo.ts`];
      const files = {
        "mesh.yaml": [serviceOf("client", echo), serviceOf("other", echo), entry()].join("---\n"),
        "rule.yaml": (rule ?? "").replaceAll("example.com", "localhost"),
        "secret.yaml": secret(clients[0]),
      };
      mesh = await MeshRun.start({ folder: empty, files, args });
    }, 90_000);
    afterAll(async () => {
      await mesh?.stop();
      rmSync(empty, { recursive: true });
    }, 40_000);

    const ask = (from: string) => mesh.callFrom(from, "http://bank.localhost/");
    const becomes = (what: string, isSo: (answer: Awaited<ReturnType<typeof ask>>) => boolean) =>
      eventually(what, async () => isSo(await ask("client")), 15_000);
    const write = (text: string): void => mesh.write("secret.yaml", text);

    test("is shown by the workload that the rule selects, and by nobody else", async () => {
      await becomes("the certificate is shown", ({ body }) => body === "client-1 sni=bank.localhost");
      // The server lets everybody in: what the other is not let through for is the rule of its own, in plain text.
      expect((await ask("other")).body).not.toContain("client-1");
    }, 20_000);

    test("its key stands in no dump and no log", async () => {
      const [, key = "none"] = clients[0].privateKeyPem.split("\n");
      for (const workload of ["client", "other"])
        for (const path of ["/config_dump", "/config_dump?include_eds", "/certs", "/clusters"]) {
          const text = await mesh.admin(workload, path);
          expect(text).not.toContain(key);
          expect(text).not.toContain(Buffer.from(clients[0].privateKeyPem).toString("base64").slice(40, 80));
        }
      expect(mesh.process.output).not.toContain(key);
    });

    test("is the new one when the Secret changes", async () => {
      write(secret(clients[1]));
      await becomes("the other certificate is shown", ({ body }) => body.startsWith("client-2"));
    }, 20_000);

    test("goes to no server that its list revokes, or that is another's", async () => {
      write(secret(clients[1], bankCa.revocations([])));
      await becomes("a list that revokes nobody", ({ status }) => status === 200);
      write(secret(clients[1], bankCa.revocations([own.leafPem])));
      await becomes("the server is revoked", ({ status }) => status === 503);
      write(
        secret(clients[1]).replaceAll(JSON.stringify(bankCa.certificatePem), JSON.stringify(clientCa.certificatePem)),
      );
      expect((await ask("client")).status).toBe(503);
      write(secret(clients[1]));
      await becomes("all is well again", ({ status }) => status === 200);
    }, 60_000);

    test("that is gone closes the way, and nothing goes in plain text", async () => {
      write("# none\n");
      await becomes("the Secret is gone", ({ status }) => status === 503);
      const { problems, rejections } = await mesh.status();
      expect(rejections).toEqual([]);
      expect(problems.map(({ message }) => message).join()).toContain('no Secret "bank-client" with ca.crt');
    }, 20_000);
  });
});
