/**
 * The document of docs/mirroring.md in the example: who answers, who gets copies, and what is counted of them where.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readMetrics, type Sample } from "../../src/app/up/read-metrics.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";
import { faultsOf, requests } from "./support/traffic.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/mirroring.md"), "utf8");
const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
const CALLS = 50;
const MIRROR = "cluster.outbound|9080||details-v2.default.svc.cluster.local.";

describe("a new version with real traffic", () => {
  let mesh: MeshRun;
  beforeAll(async () => {
    mesh = await MeshRun.start({ files: { "split.yaml": yaml } });
  }, 40_000);
  afterAll(() => mesh?.stop(), 40_000);

  const samples = async (workload: string, reporter: string): Promise<Sample[]> => {
    const text = await mesh.admin(workload, "/stats/prometheus");
    return readMetrics(text, new Set(["istio_requests_total"])).filter(({ labels }) => labels["reporter"] === reporter);
  };
  const stat = async (name: string): Promise<number> => {
    const lines = (await mesh.admin("productpage-v1", "/stats")).split("\n");
    return Number(lines.find((it) => it.startsWith(`${MIRROR}${name}: `))?.split(": ")[1] ?? 0);
  };

  /** To details, those of the page while the mesh got ready included. */
  const calls = async (): Promise<number | undefined> =>
    (await samples("productpage-v1", "source")).find(({ labels }) => labels["destination_workload"] === "details-v1")
      ?.value;

  test("each call is answered by one and seen by the other, over mutual TLS", async () => {
    const via = mesh.proxy("productpage-v1").outbound;
    expect(faultsOf(await requests(CALLS, "http://details:9080/details/1", { via }))).toEqual({});
    const copies = async (): Promise<Sample | undefined> => (await samples("details-v2", "destination"))[0];
    await eventually("all copies are counted", async () => (await copies())?.value === (await calls()));
    expect(await calls()).toBeGreaterThanOrEqual(CALLS);
    expect((await copies())?.labels).toMatchObject({
      source_workload: "productpage-v1",
      source_principal: "spiffe://cluster.local/ns/default/sa/bookinfo-productpage",
      destination_workload: "details-v2",
      connection_security_policy: "mutual_tls",
      response_code: "200",
    });
  });

  test("the caller's side counts them by their cluster alone, and logs calls only", async () => {
    const counted = (await samples("productpage-v1", "source")).map(({ labels }) => labels["destination_workload"]);
    expect(counted).not.toContain("details-v2");
    expect(await stat("upstream_rq_total")).toBe((await calls()) ?? 0);
    expect(await stat("upstream_rq_2xx")).toBe((await calls()) ?? 0);
    await eventually("the log is there", () => mesh.log("productpage-v1", "proxy").includes("/details/1"));
    const clusters = mesh
      .log("productpage-v1", "proxy")
      .split("\n")
      .filter((line) => line.includes("/details/1"));
    expect(clusters.filter((line) => line.includes("|details-v2."))).toEqual([]);
  });
});
