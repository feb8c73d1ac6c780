/**
 * The documents of docs/egress.md, with servers of this test for the world: with our proxies, and with real Envoys beside.
 *
 * Names end with `localhost` here, which every resolver knows.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { connect } from "node:tls";
import { join } from "node:path";
import { makeDevelopmentCertificate } from "../../src/identity/development-certificate.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { serviceOf } from "./support/documents.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";
import { converse } from "./tcp/client.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/egress.md"), "utf8");
const [entries = "", , registryOnly = ""] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml ?? "");
const rows = [...page.matchAll(/^\| `(http:\S+)` \| (.*) \|$/gm)].map(
  ([, url = "", words = ""]) => [url, words] as const,
);

const folder = mkdtempSync(join(tmpdir(), "tulle-egress-"));
const binary = await ensureEnvoy();
const own = makeDevelopmentCertificate(["api.localhost"], Date.now());
const servers: { close(): unknown }[] = [];

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Says who it is, and whom it was asked for. */
const world = (name: string): Server =>
  createServer((request, response) => void response.end(`${name} ${request.headers.host}${request.url}`));

const ports = {
  first: await listening(world("first")),
  second: await listening(world("second")),
  api: await listening(
    createTlsServer({ cert: own.certChainPem, key: own.privateKeyPem }, (request, response) => {
      const { servername } = request.socket as unknown as { readonly servername: string };
      response.end(`api ${request.headers.host}${request.url} sni=${servername}`);
    }),
  ),
  db: await listening(createTcpServer((socket) => void socket.on("data", (data) => socket.write(`db:${data}`)))),
  proxy: await listening(
    createTcpServer((socket) => {
      socket.once("data", (asked) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.on("data", (data) => socket.write(`${String(asked).split("\r\n")[0]}: ${data}`));
      });
    }),
  ),
  copy: await listening(createTcpServer((socket) => void socket.on("data", (data) => socket.write(`cp:${data}`)))),
};
const trusted = join(folder, "roots.pem");
writeFileSync(trusted, own.certChainPem);

/** The page's names and ports as they are here. */
const here = (text: string): string =>
  text
    .replaceAll(/example\.(com|org)/g, "localhost")
    .replaceAll("203.0.113.7", "127.0.0.1")
    .replaceAll("mode: SIMPLE", `mode: SIMPLE, caCertificates: ${trusted}`)
    .replaceAll(/\b(443|3128|8080|8081|8000|9432|9433)\b/g, (port) => String(PORTS[port]));
const PORTS: Readonly<Record<string, number>> = {
  "443": ports.api,
  "3128": ports.proxy,
  "8080": ports.first,
  "8081": ports.second,
  "8000": ports.first,
  "9432": ports.db,
  "9433": ports.copy,
};
const ECHO = [process.execPath, `${APPS}/echo.ts`];
const DOCUMENTS = [serviceOf("client", ECHO), serviceOf("report", ECHO), here(entries)].join("---\n");

/** What the page's words mean for an answer. */
function expected(words: string, url: URL): { readonly status: number; readonly body: RegExp } {
  const [, status] = /^(\d{3})/.exec(words) ?? [];
  if (status !== undefined)
    return { status: Number(status), body: status === "403" ? /^not from here/ : /^no service of the mesh/ };
  if (words.startsWith("by TLS")) return { status: 200, body: /^api api\.localhost\/v1 sni=api\.localhost$/ };
  if (words.startsWith("one of the two")) return { status: 200, body: /^(first|second) stock\.shop\.internal\/$/ };
  return { status: 200, body: new RegExp(`^first ${url.host}/$`) };
}

afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

test("the page has a table", () => expect(rows.length).toBeGreaterThanOrEqual(6));

describe.each([
  ["our proxies", []],
  ...(binary === undefined ? [] : [["real Envoys", ["--proxy", "envoy"]] as const]),
] as const)("by %s", (_, args) => {
  const empty = mkdtempSync(join(tmpdir(), "tulle-egress-"));
  let mesh: MeshRun;
  beforeAll(async () => {
    mesh = await MeshRun.start({ folder: empty, files: { "mesh.yaml": DOCUMENTS }, args });
  }, 90_000);
  afterAll(async () => {
    await mesh?.stop();
    rmSync(empty, { recursive: true });
  }, 40_000);

  test.each(rows)("%s: %s", async (written, words) => {
    const url = here(written);
    const { status, body } = await mesh.callFrom("client", url);
    const wanted = expected(words, new URL(url));
    expect(body).toMatch(wanted.body);
    expect(status).toBe(wanted.status);
  });

  test("both machines are called", async () => {
    const found = new Set<string>();
    for (let i = 0; i < 40; i++)
      found.add((await mesh.callFrom("client", "http://stock.shop.internal/")).body.split(" ")[0] ?? "");
    expect([...found].sort()).toEqual(["first", "second"]);
  }, 20_000);

  const portOf = (workload: string, service: string): number =>
    Number(mesh.proxy(workload).loopbacks[service]?.split(":")[1]);

  test.each([
    ["client", "db:select 1"],
    ["report", "cp:select 1"],
  ])("opaque bytes of %s go by the loopback port, and by rules: %s", async (workload, answer) => {
    const port = portOf(workload, "db.localhost:5432");
    const { text } = await converse(port, "127.0.0.1", [{ send: "select 1" }, { bytes: 11 }], "127.0.0.1");
    expect(text).toBe(answer);
  });

  test("what a proxy stands before is reached by a way through it", async () => {
    const port = portOf("client", "vault.localhost:8200");
    const steps = [{ send: "seal?" }, { bytes: 44 }];
    const { text } = await converse(port, "127.0.0.1", steps, "127.0.0.1");
    expect(text).toBe("CONNECT vault.localhost:8200 HTTP/1.1: seal?");
  });

  test.each([
    ["db.localhost:5432", "select 1", "db:select 1"],
    [`www.localhost:${ports.db}`, "select 2", "db:select 2"],
  ])("CONNECT %s reaches it", async (host, said, answer) => {
    const port = Number(new URL(mesh.proxy("client").outbound).port);
    const { text } = await converse(
      port,
      "127.0.0.1",
      [{ send: `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n` }, { bytes: 19 }, { send: said }, { waitMs: 300 }],
      "127.0.0.1",
    );
    expect(text).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(text).toEndWith(`\r\n\r\n${answer}`);
  });

  test("CONNECT to what can only be of the mesh is refused", async () => {
    const port = Number(new URL(mesh.proxy("client").outbound).port);
    const ask = "CONNECT stoc.default:443 HTTP/1.1\r\nHost: stoc.default:443\r\n\r\n";
    expect((await converse(port, "127.0.0.1", [{ send: ask }, { bytes: 12 }], "127.0.0.1")).text).toStartWith(
      "HTTP/1.1 403 ",
    );
  });

  test("TLS of the application's own goes by the name that it asks for", async () => {
    const asked = (servername: string): Promise<string> =>
      new Promise((resolve) => {
        const port = portOf("client", "pay.localhost:9443");
        const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
        let text = "";
        socket.once("secureConnect", () => socket.write("GET / HTTP/1.1\r\nhost: pay\r\nconnection: close\r\n\r\n"));
        socket.on("data", (chunk) => (text += chunk.toString("latin1")));
        socket.on("error", () => {});
        socket.on("close", () => resolve(text.split("\r\n\r\n")[1] ?? "closed"));
      });
    expect(await asked("pay.localhost")).toContain("sni=pay.localhost");
    expect(await asked("other.localhost")).toBe("closed");
  });

  test("REGISTRY_ONLY refuses what nobody has described, and nothing else", async () => {
    mesh.write("settings.yaml", registryOnly);
    const other = here("http://www.example.org:8000/");
    for (let i = 0; i < 100 && (await mesh.callFrom("client", other)).status !== 502; i++) await Bun.sleep(50);
    expect((await mesh.callFrom("client", other)).body).toBe("no service of the mesh has this host and port\n");
    expect((await mesh.callFrom("client", "http://api.localhost/v1")).status).toBe(200);
    expect((await mesh.callFrom("client", here("http://eu.files.example.com:8000/"))).status).toBe(200);
  }, 20_000);
});
