/**
 * TCP in a mesh that changes while connections are open, and TLS of the application's own inside of the mesh's or beside it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { TestCa } from "../support/certificates.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { eventually } from "./support/eventually.ts";
import { document, workloadOf } from "./support/documents.ts";
import { LineClient } from "./support/line-client.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const EXAMPLE = join(import.meta.dir, "../../examples/protocols");
const svid = new TestCa().svid("spiffe://elsewhere/ns/default/sa/vault");
const VAULT = `
apiVersion: v1
kind: Service
metadata: {name: vault}
spec: {selector: {app: vault}, ports: [{name: https, port: 443, targetPort: 8080}]}
---
${workloadOf("vault", "vault", [process.execPath, `${APPS}/tls-echo.ts`], { CERT: svid.certChainPem, KEY: svid.privateKeyPem })}`;

/** A server that speaks first, on a port that does not say so. */
const MAIL = `
apiVersion: v1
kind: Service
metadata: {name: mail}
spec: {selector: {app: mail}, ports: [{name: post, port: 2525, targetPort: 8080}]}
---
${workloadOf("mail", "mail", [process.execPath, `${APPS}/greeter.ts`])}`;

const SECURITY = "security.istio.io/v1";
const noTicks = document(
  SECURITY,
  "AuthorizationPolicy",
  "{name: no-ticks}",
  '{selector: {matchLabels: {app: ticker}}, action: DENY, rules: [{to: [{operation: {ports: ["9001"], methods: [GET]}}]}]}',
);
const onlyReading = document(
  SECURITY,
  "AuthorizationPolicy",
  "{name: only-reading}",
  "{selector: {matchLabels: {app: legacy}}, action: ALLOW, rules: [{to: [{operation: {methods: [GET]}}]}]}",
);
const permissive = (app: string): string =>
  document(
    SECURITY,
    "PeerAuthentication",
    `{name: ${app}}`,
    `{selector: {matchLabels: {app: ${app}}}, mtls: {mode: PERMISSIVE}}`,
  );
const DETECTION_HAS_NO_END = document("tulle.dev/v1", "Mesh", "{name: mesh}", "{protocolDetectionTimeout: 0s}");

const loopback = (mesh: MeshRun, service: string, port: number): string =>
  mesh.proxy("page-v1").loopbacks[`${service}.default.svc.cluster.local:${port}`] ?? "";

const overTls = async (address: string): Promise<string> =>
  (await fetch(`https://${address}/secret`, { keepalive: false, tls: { rejectUnauthorized: false } })).text();

async function greeted(address: string): Promise<LineClient> {
  const client = new LineClient(address);
  expect(await client.hear()).toBe("220 ticker is ready");
  return client;
}

async function ticks(client: LineClient): Promise<boolean> {
  client.say("NEXT");
  return Number(await client.hear()) > 0;
}

async function isRefused(address: string): Promise<boolean> {
  const client = new LineClient(address);
  const word = await client.hear();
  client.close();
  return word === undefined;
}

const binary = await ensureEnvoy();
const kinds: readonly (readonly string[])[] = [
  [],
  ["--shared"],
  ...(binary === undefined ? [] : [["--proxy", "envoy"]]),
];

describe.each(kinds.map((args) => [args.join(" ") || "sidecars", args] as const))("opaque ports, %s", (_, args) => {
  let mesh: MeshRun;
  beforeAll(
    async () => void (mesh = await MeshRun.start({ folder: EXAMPLE, args, files: { "vault.yaml": VAULT } })),
    60_000,
  );
  afterAll(() => mesh.stop(), 40_000);

  test("TLS of the application's own goes through mutual TLS untouched", async () => {
    expect(await overTls(loopback(mesh, "vault", 443))).toBe("inside: /secret");
  });

  test("TLS that is not the mesh's reaches the application where mutual TLS is not asked for, else nothing does", async () => {
    const entry = mesh.url("vault").slice("http://".length);
    const before = await overTls(entry).catch(() => "refused");
    expect(before).toBe("refused");
    mesh.write("open-vault.yaml", permissive("vault"));
    await eventually("TLS of a stranger passes", async () => (await overTls(entry)) === "inside: /secret");
    expect(await overTls(loopback(mesh, "vault", 443))).toBe("inside: /secret");
  });

  test("a change that does not concern a connection leaves it open", async () => {
    const address = loopback(mesh, "ticker", 9001);
    const client = await greeted(address);
    expect(await ticks(client)).toBe(true);
    const { version } = (await mesh.status()).publication;
    mesh.write("more.yaml", VAULT.replaceAll("vault", "other").split("---")[0] ?? "");
    mesh.write("mesh.yaml", mesh.read("mesh.yaml").replace("1s", "2s"));
    await eventually("the change is everywhere", async () => {
      const { publication } = await mesh.status();
      return publication.version !== version && publication.acknowledged === publication.proxies;
    });
    expect(await ticks(client)).toBe(true);
    client.close();
  });
});

const ownKinds = kinds
  .filter((args) => !args.includes("envoy"))
  .map((args) => [args.join(" ") || "sidecars", args] as const);

// Detection never ends there: whoever is heard was not heard because time had run out. An Envoy hears nobody.
describe.each(ownKinds)("ports that do not say what they speak, where detection has no end, %s", (_, args) => {
  let mesh: MeshRun;
  const files = { "mail.yaml": MAIL, "open-mail.yaml": permissive("mail"), "mesh.yaml": DETECTION_HAS_NO_END };
  beforeAll(async () => void (mesh = await MeshRun.start({ folder: EXAMPLE, args, files })), 60_000);
  afterAll(() => mesh.stop(), 40_000);

  async function expectGreeting(address: string): Promise<void> {
    const client = new LineClient(address);
    expect(await client.hear()).toBe("220 hello");
    client.say("ehlo");
    expect(await client.hear()).toBe("EHLO");
    client.close();
  }

  test("a server that speaks first is heard through mutual TLS", () => expectGreeting(loopback(mesh, "mail", 2525)));

  test("and in plain text, where that is let in", () => expectGreeting(mesh.url("mail").slice("http://".length)));

  test("a client of HTTP that is silent for a while is served as HTTP", async () => {
    const address = loopback(mesh, "legacy", 8000);
    const stat = (name: string): Promise<number> => statOf(mesh, /outbound.8000..legacy/, name);
    const before = await stat("upstream_cx_total");
    const client = new LineClient(address);
    await eventually("its endpoint was called", async () => (await stat("upstream_cx_total")) > before);
    client.say(`GET /plain HTTP/1.1\r\nHost: ${address}\r\nConnection: close\r\n\r`);
    expect(await client.hear()).toBe("HTTP/1.1 200 OK\r");
    client.close();
    await eventually("what was called is let go", async () => (await stat("upstream_cx_active")) === 0);
    expect(await stat("downstream_cx_total")).toBe(0);
  });
});

/** A statistic of the page's proxy, of all that carries bytes there: a shared one has clusters for each caller. */
async function statOf(mesh: MeshRun, of: RegExp, name: string): Promise<number> {
  const lines = (await mesh.admin("page-v1", "/stats")).split("\n");
  const found = lines.filter((line) => of.test(line) && line.includes("@tcp") && line.includes(`.${name}: `));
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

// An Envoy lets the server speak before it asks.
describe.each(ownKinds)("policies of opaque ports, %s", (_, args) => {
  let mesh: MeshRun;
  beforeAll(async () => void (mesh = await MeshRun.start({ folder: EXAMPLE, args })), 60_000);
  afterAll(() => mesh.stop(), 40_000);

  test("a rule of DENY counts without its fields of HTTP, for connections that come after it", async () => {
    const address = loopback(mesh, "ticker", 9001);
    const client = await greeted(address);
    mesh.write("no-ticks.yaml", noTicks);
    await eventually("new connections are refused", () => isRefused(address));
    expect(await ticks(client)).toBe(true);
    client.close();
    mesh.remove("no-ticks.yaml");
    await eventually("new connections are let in", async () => !(await isRefused(address)));
  });

  test("a client that is taken for TCP since it was silent is not allowed what only HTTP is", async () => {
    const address = loopback(mesh, "legacy", 8000);
    const ask = async (method: string): Promise<number> =>
      (await fetch(`http://${address}/`, { method, keepalive: false })).status;
    expect([await ask("GET"), await ask("POST")]).toEqual([200, 200]);
    mesh.write("only-reading.yaml", onlyReading);
    await eventually("the policy holds", async () => (await ask("POST")) === 403);
    expect(await ask("GET")).toBe(200);
    // It says nothing at all; the end comes when it is no longer waited for.
    expect(await isRefused(address)).toBe(true);
    mesh.remove("only-reading.yaml");
  });
});
