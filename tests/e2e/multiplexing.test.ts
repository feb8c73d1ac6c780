/**
 * HTTP/1.1 of applications over shared HTTP/2 connections between their proxies, switched on and off while traffic flows.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ensureEnvoy } from "../support/envoy.ts";
import { destinationRule } from "./support/documents.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";
import { faultsOf, requests } from "./support/traffic.ts";

const RATINGS = "http://ratings:9080/ratings/1";
const CLUSTER = "outbound|9080||ratings.default.svc.cluster.local";
const MANY = 400;

const binary = await ensureEnvoy();
const kinds: readonly (readonly string[])[] = [[], ...(binary === undefined ? [] : [["--proxy", "envoy"]])];

describe.each(kinds.map((args) => [args.join(" ") || "sidecars", args] as const))("h2UpgradePolicy, %s", (_, args) => {
  let mesh: MeshRun;
  beforeAll(async () => {
    // The example's rule says how ratings is called; here the mesh does.
    const files = { "ratings.yaml": "", "extra.yaml": "" };
    mesh = await MeshRun.start({ args, files });
  }, 60_000);
  afterAll(() => mesh.stop(), 40_000);

  /** Connections to ratings so far, by what they speak. */
  async function connections(): Promise<{ readonly http1: number; readonly http2: number }> {
    const stats = await mesh.admin("reviews-v2", "/stats");
    const of = (version: string): number =>
      Number(
        new RegExp(`^cluster\\.${CLUSTER.replaceAll("|", "\\|")}\\.upstream_cx_${version}_total: (\\d+)$`, "m").exec(
          stats,
        )?.[1] ?? 0,
      );
    return { http1: of("http1"), http2: of("http2") };
  }

  const settled = (version: number): Promise<unknown> =>
    eventually("the change is everywhere", async () => {
      const { publication } = await mesh.status();
      return publication.version > version && publication.acknowledged === publication.proxies;
    });

  async function write(name: string, text: string): Promise<void> {
    const { version } = (await mesh.status()).publication;
    mesh.write(name, text);
    await settled(version);
  }

  const call = async (): Promise<void> => {
    const via = mesh.proxy("reviews-v2").outbound;
    expect(faultsOf(await requests(MANY, RATINGS, { via }))).toEqual({});
  };

  test("by default each kind of HTTP stays what it is", async () => {
    await call();
    const { http1, http2 } = await connections();
    expect([http1 > 0, http2]).toEqual([true, 0]);
  });

  test("UPGRADE of the mesh shares a connection; the application still sees HTTP/1.1", async () => {
    await write("mesh.yaml", `${mesh.read("mesh.yaml")}  h2UpgradePolicy: UPGRADE\n`);
    await call();
    const { http2 } = await connections();
    expect(http2).toBeWithin(1, 3);
    const lines = mesh
      .log("ratings-v1", "proxy")
      .split("\n")
      .filter((line) => line.includes("/ratings/1"));
    expect(lines.at(-1)).toContain('"GET /ratings/1 HTTP/2" 200');
    expect(await mesh.admin("ratings-v1", "/stats")).toMatch(
      /^cluster\.inbound\|9080\|\|\.upstream_cx_http2_total: 0$/m,
    );
  });

  test("a DestinationRule's word wins, and no request fails when it changes", async () => {
    const flowing = requests(4 * MANY, RATINGS, { via: mesh.proxy("reviews-v2").outbound });
    await write(
      "extra.yaml",
      destinationRule(
        "ratings",
        "{host: ratings, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE}}}}",
      ),
    );
    expect(faultsOf(await flowing)).toEqual({});
    const before = await connections();
    await call();
    const after = await connections();
    expect(after.http2).toBe(before.http2);
  });
});
