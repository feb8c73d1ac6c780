/**
 * Unix sockets that a Sidecar names: an application behind one, and a proxy that is called by one. By our proxies and by real Envoys.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEnvoy } from "../support/envoy.ts";
import { serviceOf } from "./support/documents.ts";
import { eventually } from "./support/eventually.ts";
import { APPS, MeshRun } from "./support/mesh-run.ts";

const binary = await ensureEnvoy();
if (binary === undefined) console.warn("SKIPPED: unix sockets of real Envoys, which could not be had");

const sidecar = (name: string, spec: string): string =>
  `---\n{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: ${name}}, spec: {workloadSelector: {labels: {app: ${name}}}, ${spec}}}\n`;

describe.each([
  ["our proxies", []],
  ...(binary === undefined ? [] : [["real Envoys", ["--proxy", "envoy"]] as const]),
] as const)("unix sockets by %s", (_, args) => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-unix-"));
  const empty = mkdtempSync(join(tmpdir(), "tulle-unix-"));
  const abstract = `tulle-unix-${crypto.randomUUID()}`;
  const [file, out] = [join(folder, "app.sock"), join(folder, "out.sock")];
  const answers = (text: string) => () => new Response(text);
  const servers = [
    Bun.serve({ unix: file, fetch: answers("file") }),
    Bun.serve({ unix: `\0${abstract}`, fetch: answers("abstract") }),
  ];
  let mesh: MeshRun;

  beforeAll(async () => {
    const echo = (name: string): string => serviceOf(name, [process.execPath, join(APPS, "echo.ts")]);
    const ingress = (to: string): string =>
      `ingress: [{port: {number: 8080, protocol: HTTP, name: i}, defaultEndpoint: "unix://${to}"}]`;
    const files = {
      "mesh.yaml": [
        ...["one", "two", "caller"].map(echo),
        sidecar("one", ingress(file)),
        sidecar("two", ingress(`@${abstract}`)),
        sidecar(
          "caller",
          `egress: [{port: {number: 0, protocol: HTTP, name: e}, bind: "unix://${out}", hosts: ["./*"]}, {hosts: ["./*"]}]`,
        ),
      ].join("\n---\n"),
    };
    mesh = await MeshRun.start({ folder: empty, files, args });
  }, 60_000);
  afterAll(async () => {
    await mesh?.stop();
    for (const server of servers) await server.stop(true);
    for (const it of [folder, empty]) rmSync(it, { recursive: true });
  }, 40_000);

  test.each([
    ["one", "file"],
    ["two", "abstract"],
  ])("%s is behind a socket: %s", async (name, text) => {
    const { status, body } = await mesh.callFrom("caller", `http://${name}/`);
    expect([status, body]).toEqual([200, text]);
    expect(existsSync(`@${abstract}`)).toBe(false);
  });

  test("the proxy is called by a socket, and knows whom by the host", async () => {
    await eventually("the socket is there", () => Promise.resolve(existsSync(out)));
    for (const [host, text] of [
      ["one", "file"],
      ["two:80", "abstract"],
    ]) {
      const answer = await fetch("http://unix/", { unix: out, headers: { host: host ?? "" } });
      expect([answer.status, await answer.text()]).toEqual([200, text ?? ""]);
    }
  });
});
