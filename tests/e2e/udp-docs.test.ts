/**
 * The document of docs/udp.md in a mesh of its own: a gateway of UDP before two versions of an application.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../support/cli-context.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/udp.md"), "utf8");
const [document = ""] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml);
const [program = ""] = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text]) => text);

/** From a port of its own; undefined where nothing comes. */
async function ask(url: string, text: string): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = await Bun.udpSocket({
    connect: { hostname, port: Number(port) },
    socket: { data: (_, answer) => resolve(answer.toString()) },
  });
  socket.send(text);
  const late = setTimeout(() => resolve(undefined), 500);
  return promise.finally(() => {
    clearTimeout(late);
    socket.close();
  });
}

describe("docs/udp.md", () => {
  let mesh: MeshRun;
  beforeAll(async () => {
    mesh = await MeshRun.start({ files: { "udp.yaml": document, "names.ts": program } });
  }, 60_000);
  afterAll(() => mesh?.stop(), 40_000);
  const url = (): string => mesh.file.gateways.find((it) => it.gateway === "default/names")?.url ?? "";

  test("nothing is wrong with its document", async () => expect((await mesh.status()).problems).toEqual([]));

  test("sessions go to both versions, most to the first", async () => {
    expect(url()).toStartWith("udp://127.0.0.1:");
    await eventually("the applications answer", async () => (await ask(url(), "?")) !== undefined);
    const versions = new Map<string, number>();
    for (let i = 0; i < 150; i++) {
      const answer = (await ask(url(), "example.com")) ?? "none";
      versions.set(answer, (versions.get(answer) ?? 0) + 1);
    }
    expect([...versions.keys()].sort()).toEqual(["v1: example.com", "v2: example.com"]);
    expect(versions.get("v1: example.com")).toBeGreaterThan(100);
  }, 30_000);

  test("commands that look at the proxies know it", async () => {
    const { out } = await runCli(["proxy-config", "names-tulle", "listeners", "--run-folder", mesh.runFolder]);
    const [line] = out.split("\n").filter((it) => it.includes("UDP"));
    expect(line).toContain("Cluster: outbound|53||names-v1.default.svc.cluster.local@udp");
    expect(line).toContain("Cluster: outbound|53||names-v2.default.svc.cluster.local@udp");
    const told = await runCli([
      "explain",
      "-f",
      mesh.documents,
      "--from",
      "productpage-v1",
      "http://reviews:9080/reviews/1",
    ]);
    expect(told.out).toContain("reviews");
  });

  test("a route that is taken away lets nothing through", async () => {
    mesh.write("udp.yaml", document.replace("kind: UDPRoute", "kind: TCPRoute"));
    await eventually("nobody answers", async () => (await ask(url(), "?")) === undefined);
  }, 20_000);
});
