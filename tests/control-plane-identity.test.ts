/**
 * Who gets a certificate of the control plane, and who gets whose configuration.
 */
import { describe, expect, test } from "bun:test";
import { generateKeyPair } from "../src/identity/keys.ts";
import { readCertificate } from "../src/identity/certificate-read.ts";
import type { Svid } from "../src/identity/svid.ts";
import { TypeUrl } from "../src/xds/resources.ts";
import { TestCa } from "./support/certificates.ts";
import { ControlPlaneRig } from "./support/control-plane-rig.ts";

const HOUR_MS = 3_600_000;
const REVIEWS = "spiffe://cluster.local/ns/default/sa/reviews";

const tokenOf = (rig: ControlPlaneRig, id: string): string =>
  rig.controlPlane.proxyBootstrap(id).identities[0]?.joinToken ?? "";

/** The proxy's link after a refusal: it waits, and says why. */
const refusal = (proxy: { readonly client: { readonly status: { readonly link: object } } }): string =>
  "reason" in proxy.client.status.link ? String(proxy.client.status.link.reason) : "not refused";

describe("certificate service", () => {
  test("gives the identity that the token stands for, for the life that is set", async () => {
    const rig = await ControlPlaneRig.start({ svidTtlMs: 5000 });
    const svid = await rig.certificate({ token: tokenOf(rig, "reviews-v1-0") });
    expect(svid.spiffeId.uri).toBe(REVIEWS);
    // Certificates count whole seconds.
    expect(Math.floor((svid.notAfterMs - rig.clock.wallMs()) / 1000)).toBe(5);
  });

  test("refuses a wrong token, a used one, an expired one and none, and says no more than that", async () => {
    const rig = await ControlPlaneRig.start({ joinTokenTtlMs: 60_000 });
    const token = tokenOf(rig, "reviews-v1-0");
    const late = tokenOf(rig, "reviews-v1-0");
    await rig.certificate({ token });
    const expected = "the join token or certificate was refused";
    await expect(rig.certificate({ token })).rejects.toThrow(expected);
    await expect(rig.certificate({ token: `${token.split(".")[0]}.${"A".repeat(43)}` })).rejects.toThrow(expected);
    await expect(rig.certificate({ token: "nonsense" })).rejects.toThrow(expected);
    await expect(rig.certificate({})).rejects.toThrow(expected);
    rig.pass(60_000, 10_000);
    await expect(rig.certificate({ token: late })).rejects.toThrow(expected);
    const reasons = rig.logged
      .filter((line) => line.includes("request refused"))
      .map((line) => line.split("reason=")[1]);
    expect(reasons).toEqual([
      '"join token is used"\n',
      '"join token is unknown"\n',
      '"join token is malformed"\n',
      '"neither a join token nor a client certificate was given"\n',
      '"join token is expired"\n',
    ]);
    expect(rig.logged.join("")).not.toContain(token);
  });

  test("takes the same token of the same key again, as after a lost answer", async () => {
    const rig = await ControlPlaneRig.start();
    const token = tokenOf(rig, "reviews-v1-0");
    const key = generateKeyPair();
    const first = await rig.certificate({ token }, key);
    expect((await rig.certificate({ token }, key)).serial).not.toBe(first.serial);
  });

  test("renews over the SVID of the connection", async () => {
    const rig = await ControlPlaneRig.start();
    const first = await rig.certificate({ token: tokenOf(rig, "reviews-v1-0") });
    rig.pass(HOUR_MS, HOUR_MS);
    const second = await rig.certificate({ svid: first });
    expect(second.spiffeId.uri).toBe(REVIEWS);
    expect(second.notAfterMs).toBeGreaterThan(first.notAfterMs);
    const shown = rig.controlPlane.status.proxies.find((p) => p.id === "reviews-v1-0")?.certificates;
    expect(shown?.map((c) => c.serial)).toEqual([second.serial]);
  });

  test("does not make a refused token good by the certificate", async () => {
    const rig = await ControlPlaneRig.start();
    const svid = await rig.certificate({ token: tokenOf(rig, "reviews-v1-0") });
    await expect(rig.certificate({ svid, token: "nonsense" })).rejects.toThrow("refused");
  });

  test("renews no more once the last instance of the identity is gone", async () => {
    const rig = await ControlPlaneRig.start();
    const svid = await rig.certificate({ token: tokenOf(rig, "reviews-v1-0") });
    rig.controlPlane.unregister("reviews-v1-0");
    expect((await rig.certificate({ svid })).spiffeId.uri).toBe(REVIEWS);
    rig.controlPlane.unregister("reviews-v2-0");
    await expect(rig.certificate({ svid })).rejects.toThrow("refused");
  });

  test("refuses an SVID of another authority", async () => {
    const rig = await ControlPlaneRig.start();
    const foreign = new TestCa("cluster.local", rig.clock.wallMs()).svid(REVIEWS);
    await expect(rig.certificate({ svid: foreign })).rejects.toThrow("refused");
  });

  test("counts what it did", async () => {
    const rig = await ControlPlaneRig.start();
    await rig.certificate({ token: tokenOf(rig, "reviews-v1-0") });
    await rig.certificate({ token: "nonsense" }).catch(() => {});
    const metrics = await (await rig.get("/metrics")).text();
    expect(metrics).toContain("citadel_server_csr_count 2\n");
    expect(metrics).toContain("citadel_server_success_cert_issuance_count 1\n");
    expect(metrics).toContain("citadel_server_authentication_failure_count 1\n");
  });
});

describe("discovery", () => {
  test("serves the proxy that a node id names", async () => {
    const rig = await ControlPlaneRig.start();
    const proxy = await rig.join("reviews-v1-0");
    expect(proxy.names(TypeUrl.cds)).toEqual([
      "PassthroughCluster",
      "inbound|9080||",
      "outbound|9080||ratings.default.svc.cluster.local",
      "outbound|9080||reviews.default.svc.cluster.local",
    ]);
    expect(proxy.names(TypeUrl.rds)).toEqual(["http_proxy"]);
  });

  test("refuses a peer without a certificate", async () => {
    const rig = await ControlPlaneRig.start();
    const proxy = rig.discover(rig.controlPlane.proxyBootstrap("reviews-v1-0"), undefined);
    expect(refusal(proxy)).toContain("discovery needs a client certificate: none was given");
  });

  test("refuses the node id of another identity", async () => {
    const rig = await ControlPlaneRig.start();
    const svid = await rig.certificate({ token: tokenOf(rig, "ratings-v1-0") });
    const proxy = rig.discover(rig.controlPlane.proxyBootstrap("reviews-v1-0"), svid);
    expect(refusal(proxy)).toContain(`peer must be ${REVIEWS}`);
    expect(proxy.names(TypeUrl.cds)).toEqual([]);
  });

  test("refuses the node id of another copy of the same identity", async () => {
    const rig = await ControlPlaneRig.start();
    const svid = await rig.certificate({ token: tokenOf(rig, "reviews-v2-0") });
    const proxy = rig.discover(rig.controlPlane.proxyBootstrap("reviews-v1-0"), svid);
    expect(refusal(proxy)).toContain("the certificate was issued to proxy reviews-v2-0");
  });

  test("refuses a node id of nobody", async () => {
    const rig = await ControlPlaneRig.start();
    const svid = await rig.certificate({ token: tokenOf(rig, "reviews-v1-0") });
    const proxy = rig.discover(
      { nodeId: "sidecar~127.0.0.1~x.default~default.svc.cluster.local", nodeCluster: "" },
      svid,
    );
    expect(refusal(proxy)).toContain("the node id is of no proxy of this mesh");
  });

  test("takes a certificate of another authority for none", async () => {
    const rig = await ControlPlaneRig.start();
    const ca = new TestCa("cluster.local", rig.clock.wallMs());
    const proxy = rig.discover(rig.controlPlane.proxyBootstrap("reviews-v1-0"), ca.svid(REVIEWS));
    expect(refusal(proxy)).toContain("none was given");
  });

  test("a shared proxy has an identity of its own, and a token for each that it speaks for", async () => {
    const rig = await ControlPlaneRig.start();
    rig.controlPlane.share({ id: "node", instances: ["reviews-v1-0", "reviews-v2-0", "ratings-v1-0"] });
    const bootstrap = rig.controlPlane.proxyBootstrap("node");
    expect(bootstrap.identities.map((i) => i.spiffeId)).toEqual([
      "spiffe://cluster.local/ns/istio-system/sa/tulle-proxy",
      REVIEWS,
      "spiffe://cluster.local/ns/default/sa/ratings",
    ]);
    const svids: Svid[] = [];
    for (const { joinToken } of bootstrap.identities) svids.push(await rig.certificate({ token: joinToken }));
    expect(svids.map((s) => s.spiffeId.uri)).toEqual(bootstrap.identities.map((i) => i.spiffeId));
    const proxy = rig.discover(bootstrap, svids[0]);
    expect(proxy.names(TypeUrl.cds)).toContain("inbound|9080||@reviews-v1-0");
    const [status] = rig.controlPlane.status.proxies;
    expect(status?.certificates.map((c) => c.spiffeId)).toEqual(bootstrap.identities.map((i) => i.spiffeId));
    // Whoever it stands in for is no proxy of the mesh any more.
    expect(() => rig.controlPlane.proxyBootstrap("reviews-v1-0")).toThrow("register its instance");
    expect(refusal(rig.discover(bootstrap, svids[1]))).toContain("peer must be");
  });
});

describe("the control plane's own certificate", () => {
  test("is renewed before half its life, and new connections get it at once", async () => {
    const rig = await ControlPlaneRig.start({ svidTtlMs: 60_000 });
    const shown = async (): Promise<{ serial: string; id: string | undefined; leftMs: number }> => {
      const seen: { serial: string; id: string | undefined; leftMs: number }[] = [];
      const client = rig.connect(undefined, (peer) => {
        const { serial, notAfterMs } = readCertificate(peer.raw);
        seen.push({ serial, id: peer.spiffeId, leftMs: notAfterMs - rig.clock.wallMs() });
      });
      const call = client.call("/none", { onMessage() {}, onEnd() {} });
      rig.pass(5);
      call.cancel();
      client.close();
      return seen[0]!;
    };
    const first = await shown();
    expect(first.id).toBe("spiffe://cluster.local/ns/istio-system/sa/tulle-control-plane");
    const serials = new Set([first.serial]);
    for (let i = 0; i < 20; i++) {
      rig.pass(10_000, 1000);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      const now = await shown();
      expect(now.leftMs).toBeGreaterThan(20_000);
      serials.add(now.serial);
    }
    expect(serials.size).toBeGreaterThan(5);
    expect(rig.controlPlane.status.controlPlane.certificate?.serial).toBe([...serials].at(-1)!);
  });
});
