/**
 * Somebody else has taken the address of an endpoint: the client's proxy notices before it says anything.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { service, workload } from "../support/mesh.ts";
import { type TestCertificate, TestCa } from "../support/certificates.ts";
import { call } from "./support/call.ts";
import { eventually } from "./support/eventually.ts";
import { meshIssuer } from "./support/mesh-issuer.ts";
import { SplitMesh } from "./support/split-mesh.ts";

const SPIFFE = "spiffe://cluster.local/ns/default/sa";
const SHOP = [
  service("caller", ["http:80:8080"]),
  service("bank", ["http:80:8080"]),
  workload("caller", "v1", [8080]),
  workload("bank", "v1", [8080]),
].join("\n---\n");

describe("in the place of bank", () => {
  let mesh: SplitMesh;
  let server: Server | undefined;
  let heard = "";

  beforeAll(async () => {
    mesh = await SplitMesh.start({ documents: SHOP, svidTtlMs: 3_600_000, without: ["bank-v1"] });
  }, 40_000);
  afterAll(async () => {
    server?.close();
    await mesh.stop();
  }, 40_000);

  /** Answers at bank's address with a certificate, and writes down what it is told. */
  async function standIn({ certChainPem, privateKeyPem }: TestCertificate): Promise<void> {
    server?.close();
    heard = "";
    const made = createServer(
      {
        cert: certChainPem,
        key: privateKeyPem,
        ALPNProtocols: ["http/1.1"],
        requestCert: true,
        rejectUnauthorized: false,
      },
      (socket) => {
        socket.on("error", () => {});
        socket.on("data", (chunk: Buffer) => {
          heard += chunk.toString("latin1");
          socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        });
      },
    );
    server = made;
    const port = mesh.planned("bank-v1").instance.ports[0]?.inbound.port ?? 0;
    await new Promise<void>((resolve) => made.listen(port, "127.0.0.1", resolve));
  }

  const ask = (path: string) => call(`http://bank${path}`, { via: mesh.outboundOf("caller-v1") });
  const logLine = (path: string): Promise<string> =>
    eventually("the call is in the log", () =>
      mesh
        .proxy("caller-v1")
        .output.split("\n")
        .find((line) => line.includes(` ${path} `)),
    );

  test("nobody: connections are refused", async () => {
    expect((await ask("/nobody")).status).toBe(503);
    expect(await logLine("/nobody")).toMatch(/ 503 URX,UF upstream_reset_before_response_started/);
  });

  test("somebody with the right certificate is believed", async () => {
    await standIn(meshIssuer(join(mesh.folder, "data")).issue(`${SPIFFE}/bank`));
    expect((await ask("/right")).status).toBe(200);
    expect(heard).toContain("GET /right ");
  });

  const issuer = () => meshIssuer(join(mesh.folder, "data"));
  const impostors: Readonly<Record<string, () => TestCertificate>> = {
    "somebody-else-of-the-mesh": () => issuer().issue(`${SPIFFE}/caller`),
    "another-authority": () => new TestCa("cluster.local").svid(`${SPIFFE}/bank`),
    "another-trust-domain": () => issuer().issue("spiffe://elsewhere.example/ns/default/sa/bank"),
    expired: () => issuer().issue(`${SPIFFE}/bank`, 20_000, Date.now() - 60_000),
  };
  for (const [who, certificate] of Object.entries(impostors)) {
    test(`${who} hears nothing`, async () => {
      await standIn(certificate());
      const answer = await ask(`/${who}`);
      expect(answer.status).toBe(503);
      expect(answer.body).toStartWith("upstream connect error or disconnect/reset before headers");
      const line = await logLine(`/${who}`);
      expect(line).toMatch(/ 503 URX,UF /);
      expect(line).toMatch(/TLS_error|certificate|identity|spiffe/i);
      expect(heard).toBe("");
    });
  }
});
