/**
 * What is said and what runs comes to the proxies, and who has acknowledged what can be seen.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshStatus, ProxyDetail } from "../src/admin/api.ts";
import { InstanceFile } from "../src/app/control-plane/instance-file.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import { ClusterLoadAssignment } from "../src/xds/proto/endpoint.ts";
import { TypeUrl } from "../src/xds/resources.ts";
import { unpack } from "../src/xds/types/any.ts";
import { ControlPlaneRig, SHOP, type TestProxy } from "./support/control-plane-rig.ts";
import { instanceOf, service } from "./support/mesh.ts";

const SPLIT = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec: {hosts: [reviews], http: [{timeout: 3s, route: [{destination: {host: reviews}}]}]}
`;
const REVIEWS = "outbound|9080||reviews.default.svc.cluster.local";

const routeVersion = (proxy: TestProxy): string | undefined =>
  proxy.resources.get(TypeUrl.rds)?.get("http_proxy")?.version;
const publication = (rig: ControlPlaneRig) => {
  const { version, proxies, connected, acknowledged } = rig.controlPlane.status.publication;
  return `version ${version}: ${acknowledged}/${proxies}, ${connected} connected`;
};

describe("publishing", () => {
  test("a change of the documents is published once, and acknowledged by all", async () => {
    const rig = await ControlPlaneRig.start();
    const all = [await rig.join("reviews-v1-0"), await rig.join("reviews-v2-0"), await rig.join("ratings-v1-0")];
    const before = all.map(routeVersion);
    const { version } = rig.controlPlane.status.publication;
    rig.store.write("reviews.yaml", SPLIT);
    rig.store.write("reviews.yaml", SPLIT.replace("3s", "4s"));
    rig.pass(100);
    expect(publication(rig)).toBe(`version ${version + 1}: 3/3, 3 connected`);
    expect(rig.controlPlane.status.publication.convergenceMs).toBeLessThanOrEqual(50);
    for (const [i, proxy] of all.entries()) expect(routeVersion(proxy)).not.toBe(before[i]);
  });

  test("is done 50 ms after the change at most", async () => {
    const rig = await ControlPlaneRig.start();
    const proxy = await rig.join("reviews-v1-0");
    const before = routeVersion(proxy);
    rig.store.write("reviews.yaml", SPLIT);
    rig.pass(50);
    expect(routeVersion(proxy)).not.toBe(before);
  });

  test("what says the same again is no new version", async () => {
    const rig = await ControlPlaneRig.start();
    await rig.join("reviews-v1-0");
    const before = publication(rig);
    rig.store.write("more.yaml", "# nothing yet\n");
    rig.controlPlane.setHealthy("reviews-v1-0", true);
    rig.pass(100);
    expect(publication(rig)).toBe(before);
  });

  test("an instance that is not healthy is told to those who call it alone", async () => {
    const rig = await ControlPlaneRig.start();
    const proxy = await rig.join("ratings-v1-0");
    const clusters = proxy.resources.get(TypeUrl.cds);
    const held = new Map(clusters);
    rig.controlPlane.setHealthy("reviews-v1-0", false);
    rig.pass(100);
    const any = proxy.resources.get(TypeUrl.eds)?.get(REVIEWS)?.any;
    const { endpoints = [] } = unpack(any!, ClusterLoadAssignment);
    expect(endpoints[0]?.lbEndpoints?.map((e) => e.healthStatus).sort()).toEqual(["HEALTHY", "UNHEALTHY"]);
    // Clusters were not sent again: the objects are those from before.
    expect([...(clusters ?? [])]).toEqual([...held]);
    for (const [name, resource] of held) expect(clusters?.get(name)).toBe(resource);
  });

  test("an instance that goes and one that comes change the endpoints", async () => {
    const rig = await ControlPlaneRig.start();
    const proxy = await rig.join("ratings-v1-0");
    const count = (): number | undefined =>
      unpack(proxy.resources.get(TypeUrl.eds)!.get(REVIEWS)!.any, ClusterLoadAssignment).endpoints?.[0]?.lbEndpoints
        ?.length;
    rig.controlPlane.unregister("reviews-v2-0");
    rig.pass(100);
    expect(count()).toBe(1);
    const again = rig.store.current.mesh.workloads.find((w) => w.name === "reviews-v2");
    rig.controlPlane.register({ ...instanceOf(again!, 7), id: "reviews-v2-1" });
    rig.controlPlane.register({ ...instanceOf(again!, 8), id: "reviews-v2-2" });
    rig.pass(100);
    expect(count()).toBe(3);
    expect(rig.controlPlane.status.proxies.map((p) => p.id)).toEqual([
      "reviews-v1-0",
      "ratings-v1-0",
      "reviews-v2-1",
      "reviews-v2-2",
    ]);
  });

  test("an instance follows what the documents say of its workload, except its identity", async () => {
    const rig = await ControlPlaneRig.start();
    rig.store.write(
      "shop.yaml",
      SHOP.replace("labels: {app: reviews, version: v2}", "labels: {app: other, version: v2}").replaceAll(
        "serviceAccount: reviews",
        "serviceAccount: changed",
      ),
    );
    rig.pass(100);
    const [reviews] = rig.controlPlane.status.services;
    expect(reviews?.ports[0]?.endpoints).toBe(1);
    for (const id of ["reviews-v1-0", "reviews-v2-0"])
      expect(rig.controlPlane.status.proxies.find((p) => p.id === id)?.spiffeId).toEndWith("/sa/reviews");
  });

  test("a bad document keeps what is live, and is said once with its place", async () => {
    const rig = await ControlPlaneRig.start();
    const proxy = await rig.join("reviews-v1-0");
    rig.store.write("reviews.yaml", SPLIT);
    rig.pass(100);
    const before = [publication(rig), routeVersion(proxy)];
    for (const bad of ["3 parsecs", "3 parsecs", "3 miles"]) {
      rig.store.write("reviews.yaml", SPLIT.replace("3s", bad));
      rig.pass(100);
    }
    expect([publication(rig), routeVersion(proxy)]).toEqual(before);
    rig.store.write("other.yaml", service("other", ["http:80"]));
    rig.pass(100);
    rig.store.remove("other.yaml");
    rig.pass(100);
    const { problems, documents } = rig.controlPlane.status;
    expect(problems.map((p) => [p.place.file, p.place.line, p.path])).toEqual([
      ["reviews.yaml", 5, "spec.http[0].timeout"],
    ]);
    expect([documents.kept, documents.refused]).toEqual([1, 1]);
    const said = rig.logged.filter((line) => line.includes("a document has a problem"));
    expect(said.map((line) => /problem="(reviews\.yaml:5:\d+)/.exec(line)?.[1])).toEqual([
      "reviews.yaml:5:43",
      "reviews.yaml:5:43",
    ]);
    rig.store.write("reviews.yaml", SPLIT.replace("3s", "4s"));
    rig.pass(100);
    expect(rig.controlPlane.status.problems).toEqual([]);
    expect(routeVersion(proxy)).not.toBe(before[1]);
  });

  test("the trust domain stays what it was, and that is said", async () => {
    const rig = await ControlPlaneRig.start();
    const proxy = await rig.join("reviews-v1-0");
    const before = [...(proxy.resources.get(TypeUrl.lds) ?? [])].map(([, r]) => r.version);
    rig.store.write(
      "mesh.yaml",
      "{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: m}, spec: {trustDomain: b.local}}",
    );
    rig.pass(100);
    expect(rig.controlPlane.problems[0]).toMatchObject({
      severity: "warning",
      place: { file: "mesh.yaml", line: 1 },
      message: "takes effect when the mesh is started anew: b.local is written, cluster.local holds",
    });
    expect([...(proxy.resources.get(TypeUrl.lds) ?? [])].map(([, r]) => r.version)).toEqual(before);
  });
});

describe("acknowledgement", () => {
  test("a proxy that is not there, or has not answered, is missing", async () => {
    const rig = await ControlPlaneRig.start();
    await rig.join("reviews-v1-0");
    const { version } = rig.controlPlane.status.publication;
    expect(publication(rig)).toBe(`version ${version}: 1/3, 1 connected`);
    const second = await rig.join("reviews-v2-0");
    second.client.stop();
    rig.pass(100);
    rig.store.write("reviews.yaml", SPLIT);
    rig.pass(100);
    expect(publication(rig)).toBe(`version ${version + 1}: 1/3, 1 connected`);
    expect(rig.controlPlane.status.publication.convergenceMs).toBeUndefined();
    expect(rig.controlPlane.status.proxies.map((p) => p.acknowledgedVersion)).toEqual([version + 1, version, 0]);
  });

  test("a rejection is seen with its reason, until the next version is taken", async () => {
    const rig = await ControlPlaneRig.start();
    const proxy = await rig.join("reviews-v1-0");
    const { version } = rig.controlPlane.status.publication;
    proxy.refuse = (it) => (it.name === "http_proxy" ? "I do not like it" : undefined);
    rig.store.write("reviews.yaml", SPLIT);
    rig.pass(100);
    const shown = async (): Promise<ProxyDetail> =>
      (await (await rig.get("/api/proxies/reviews-v1-0")).json()) as ProxyDetail;
    const rds = (await shown()).types.find((t) => t.type === "rds");
    expect(rds).toMatchObject({ state: "rejected", rejections: 1, rejection: "http_proxy: I do not like it" });
    expect(publication(rig)).toBe(`version ${version + 1}: 0/3, 1 connected`);
    expect(rig.controlPlane.status.rejections).toMatchObject([{ type: "rds", reason: "http_proxy: I do not like it" }]);
    proxy.refuse = () => undefined;
    rig.store.write("reviews.yaml", SPLIT.replace("3s", "5s"));
    rig.pass(100);
    expect((await shown()).types.find((t) => t.type === "rds")?.state).toBe("synced");
    expect(publication(rig)).toBe(`version ${version + 2}: 1/3, 1 connected`);
    expect(await (await rig.get("/metrics")).text()).toContain('pilot_total_xds_rejects{type="rds"} 1\n');
  });

  test("the time from a change to its acknowledgement is measured, pushes and connections are counted", async () => {
    const rig = await ControlPlaneRig.start();
    await rig.join("reviews-v1-0");
    rig.store.write("reviews.yaml", SPLIT);
    rig.pass(100);
    const metrics = await (await rig.get("/metrics")).text();
    expect(metrics).toContain("pilot_proxy_convergence_time_count 1\n");
    expect(metrics).toContain('pilot_xds{version="0.0.0"} 1\n');
    expect(metrics).toContain('pilot_xds_pushes{type="rds"} 2\n');
    expect(metrics).toContain("pilot_virt_services 1\n");
  });
});

test("memory is given back once work is over, not while it is not begun", async () => {
  let relieved = 0;
  const rig = await ControlPlaneRig.start({ relieveMemory: () => void relieved++ });
  rig.pass(11_000, 1000);
  expect(relieved).toBe(1);
  rig.pass(60_000, 1000);
  expect(relieved).toBe(1);
  rig.store.write("reviews.yaml", SPLIT);
  rig.pass(11_000, 1000);
  expect(relieved).toBe(2);
});

describe("restart", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });
  const fileIn = (): string => {
    folders.push(mkdtempSync(join(tmpdir(), "tulle-control-plane-")));
    return join(folders.at(-1) ?? "", "instances.json");
  };

  test("a new control plane knows the proxies that are still there, and they resume", async () => {
    const path = fileIn();
    const rig = await ControlPlaneRig.start({ instanceFile: new InstanceFile(path) });
    const proxy = await rig.join("reviews-v1-0");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const held = routeVersion(proxy);
    const pushesBefore = proxy.client.status.types.map((t) => t.updates);
    await rig.controlPlane.stop();
    rig.pass(500);
    expect(proxy.client.status.link.t).toBe("waiting");
    await rig.startControlPlane();
    rig.pass(2000);
    // Nothing had to be sent again: what it holds is what it should have.
    expect(publication(rig)).toBe("version 1: 1/3, 1 connected");
    expect(rig.controlPlane.status.proxies.map((p) => p.id)).toEqual(["reviews-v1-0", "reviews-v2-0", "ratings-v1-0"]);
    expect(routeVersion(proxy)).toBe(held);
    expect(proxy.client.status.types.map((t) => t.updates)).toEqual(pushesBefore);
    const svid = await rig.certificate({ svid: proxy.svid! });
    expect(svid.spiffeId.uri).toBe("spiffe://cluster.local/ns/default/sa/reviews");
  });

  test("an instance whose workload is gone is forgotten, and that is said", async () => {
    const path = fileIn();
    const rig = await ControlPlaneRig.start({ instanceFile: new InstanceFile(path) });
    await rig.controlPlane.stop();
    rig.pass(500);
    rig.store.write("shop.yaml", SHOP.split("---").slice(0, 4).join("---"));
    await rig.startControlPlane();
    expect(rig.controlPlane.status.proxies.map((p) => p.id)).toEqual(["reviews-v1-0", "reviews-v2-0"]);
    expect(rig.logged.join("")).toContain(
      "an instance is forgotten: its workload is in no document any more instance=ratings-v1-0",
    );
  });

  test("a file that is not of our making is refused with what to do", async () => {
    const path = fileIn();
    writeFileSync(path, '{"instances":[{"id":"x"}],"shared":[]}');
    const rig = new ControlPlaneRig({ instanceFile: new InstanceFile(path) });
    await expect(rig.startControlPlane()).rejects.toThrow(
      `cannot use ${path}: "instances" is not a list of instances. Delete it, and proxies must be registered anew`,
    );
  });
});

describe("start", () => {
  test("fails without documents, and says why there are none", async () => {
    const rig = new ControlPlaneRig({ store: new MemoryStore({ "x.yaml": "a: [" }) });
    await expect(rig.startControlPlane()).rejects.toThrow(/there are no documents: .*\n {2}x\.yaml:1:/);
  });

  test("fails when the life of certificates is out of range", async () => {
    const rig = new ControlPlaneRig({ svidTtlMs: 10 });
    await expect(rig.startControlPlane()).rejects.toThrow("SVID ttlMs must be 1000 to");
    expect(rig.clock.pendingTimers).toBeLessThanOrEqual(1);
  });

  test("fails when the port is in use, and lets go of what it had", async () => {
    const rig = await ControlPlaneRig.start();
    const timers = rig.clock.pendingTimers;
    await expect(rig.startControlPlane()).rejects.toThrow("cannot listen on 127.0.0.1:15012: EADDRINUSE");
    rig.pass(500);
    expect(rig.clock.pendingTimers).toBeLessThanOrEqual(timers);
  });

  test("shows the state of the mesh as JSON, and is ready", async () => {
    const rig = await ControlPlaneRig.start();
    await rig.join("reviews-v1-0");
    const status = (await (await rig.get("/api/status")).json()) as MeshStatus;
    expect(status).toEqual(JSON.parse(JSON.stringify(rig.controlPlane.status)) as MeshStatus);
    expect(status.services.map((s) => [s.name, s.ports[0]?.endpoints, s.ports[0]?.healthy])).toEqual([
      ["reviews", 2, 2],
      ["ratings", 1, 1],
    ]);
    expect(status.proxies[0]).toMatchObject({ userAgent: "test 1", connectedSinceMs: expect.any(Number) });
    expect(status.proxies[0]?.types.map((t) => [t.type, t.state])).toEqual([
      ["cds", "synced"],
      ["lds", "synced"],
      ["eds", "synced"],
      ["rds", "synced"],
    ]);
    expect((await rig.get("/ready")).status).toBe(200);
  });

  test("shows what a node should have", async () => {
    const rig = await ControlPlaneRig.start();
    const { nodeId } = rig.controlPlane.proxyBootstrap("reviews-v1-0");
    const dump = (await (await rig.get(`/api/config_dump?node=${encodeURIComponent(nodeId)}`)).json()) as {
      configs: { "@type": string; dynamic_active_clusters?: { cluster: { name: string } }[] }[];
    };
    expect(dump.configs.map((c) => c["@type"].replace(/.*v3\./, ""))).toEqual([
      "ClustersConfigDump",
      "EndpointsConfigDump",
      "ListenersConfigDump",
      "RoutesConfigDump",
    ]);
    expect(dump.configs[0]?.dynamic_active_clusters?.map((c) => c.cluster.name)).toContain(REVIEWS);
    expect((await rig.get("/api/config_dump?node=x")).status).toBe(404);
    expect((await rig.get("/api/config_dump")).status).toBe(400);
    expect((await rig.get("/api/proxies/%E0%A4%A")).status).toBe(404);
    expect((await rig.get("/nope")).status).toBe(404);
  });
});
