/** Discovery over mutual TLS on real sockets: the right identity gets its configuration, nobody else does, and both sides check. */
import { connect as connectHttp2 } from "node:http2";
import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../src/base/clock.ts";
import { silentLog } from "../src/base/log.ts";
import { systemRandom } from "../src/base/random.ts";
import { bunNetwork } from "../src/net/bun-network.ts";
import type { Svid } from "../src/identity/svid.ts";
import { AdsClient } from "../src/xds/client/ads-client.ts";
import { GrpcClient } from "../src/xds/grpc-client.ts";
import { GrpcServer } from "../src/xds/grpc-server.ts";
import { TypeUrl } from "../src/xds/resources.ts";
import { AdsServer } from "../src/xds/server/ads-server.ts";
import { Snapshot } from "../src/xds/snapshot.ts";
import { SnapshotCache } from "../src/xds/snapshot-cache.ts";
import { make } from "./support/ads-rig.ts";
import { TestCa } from "./support/certificates.ts";
import { settle } from "./support/settle.ts";

const REVIEWS = "spiffe://cluster.local/ns/default/sa/reviews";
const CONTROL = "spiffe://cluster.local/ns/tulle-system/sa/control";
const ca = new TestCa();
const network = bunNetwork(systemClock);
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

async function serve(own: Svid) {
  const cache = new SnapshotCache();
  const ads = new AdsServer({
    cache,
    clock: systemClock,
    log: silentLog,
    authorize: (peer, node) =>
      peer?.spiffeId === node.id ? { t: "ok" } : { t: "refused", reason: `${peer?.spiffeId} is not ${node.id}` },
  });
  const grpc = new GrpcServer({ clock: systemClock, log: silentLog, methods: ads.methods });
  const tls = {
    certChainPem: own.certChainPem,
    privateKeyPem: own.privateKeyPem,
    trustedCaPem: ca.bundlePem,
    requireClientCertificate: true,
    alpn: ["h2"],
    refusePeer: undefined,
  };
  const listener = await network.listen({ address: "127.0.0.1", port: 0, tls: () => tls }, (it) => grpc.accept(it));
  cleanups.push(
    () => listener.close(),
    () => grpc.close(),
  );
  return { cache, ads, grpc, port: listener.port };
}

function connect(port: number, svid: () => Svid, nodeId = REVIEWS) {
  const told: string[] = [];
  const grpc = new GrpcClient({
    network,
    clock: systemClock,
    authority: "control",
    target: () => {
      const { certChainPem, privateKeyPem } = svid();
      const refusePeer = ({ spiffeId }: { readonly spiffeId: string | undefined }) =>
        spiffeId === CONTROL ? undefined : `it must be ${CONTROL}: found ${spiffeId}`;
      const tls = { certChainPem, privateKeyPem, trustedCaPem: ca.bundlePem, sni: "control", alpn: ["h2"], refusePeer };
      return { address: "127.0.0.1", port, connectTimeoutMs: 5000, tls };
    },
  });
  const client = new AdsClient({
    grpc,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    node: { id: nodeId },
    backoff: { baseMs: 20, maxMs: 100 },
    onUpdate: (_, changed) => {
      told.push(...changed.map(({ name }) => name));
      return [];
    },
  });
  cleanups.push(
    () => client.stop(),
    () => grpc.close(),
  );
  client.subscribe(TypeUrl.cds, ["*"]);
  client.start();
  const reason = (): string => (client.status.link.t === "waiting" ? client.status.link.reason : "");
  return { client, told, reason };
}

describe("discovery over mutual TLS", () => {
  test("the right identity gets its configuration; the operator sees who it is and until when", async () => {
    const { cache, ads, port } = await serve(ca.svid(CONTROL));
    cache.set(REVIEWS, Snapshot.of([make.cluster("a")]));
    const svid = ca.svid(REVIEWS);
    const { told } = connect(port, () => svid);
    await settle(() => told.length > 0);
    expect(ads.clients[0]).toMatchObject({ spiffeId: REVIEWS, certificateNotAfterMs: svid.notAfterMs });
  });

  test("another identity is refused with the reason, and gets nothing", async () => {
    const { cache, port } = await serve(ca.svid(CONTROL));
    cache.set(REVIEWS, Snapshot.of([make.cluster("a")]));
    const ratings = ca.svid("spiffe://cluster.local/ns/default/sa/ratings");
    const { told, reason } = connect(port, () => ratings);
    await settle(() => reason() !== "");
    expect(reason()).toContain("permissionDenied: spiffe://cluster.local/ns/default/sa/ratings is not");
    expect(told).toEqual([]);
  });

  test.each<[string, () => Svid]>([
    ["of another CA", () => new TestCa().svid(REVIEWS)],
    ["that has expired", () => ca.expiredSvid(REVIEWS)],
  ])("a certificate %s does not get as far as a stream", async (_, svid) => {
    const { ads, port } = await serve(ca.svid(CONTROL));
    const { reason } = connect(port, svid);
    await settle(() => reason() !== "");
    expect(reason()).toStartWith("unavailable");
    expect(ads.clients).toEqual([]);
  });

  test("a server that is not the control plane is told nothing", async () => {
    const { ads, port } = await serve(ca.svid(REVIEWS));
    const { reason } = connect(port, () => ca.svid(REVIEWS));
    await settle(() => reason() !== "");
    expect(reason()).toContain(`it must be ${CONTROL}: found ${REVIEWS}`);
    expect(ads.clients).toEqual([]);
  });

  test("a short-lived certificate: the stream ends with it, and goes on with the next one without a push", async () => {
    const { cache, ads, port } = await serve(ca.svid(CONTROL));
    cache.set(REVIEWS, Snapshot.of([make.cluster("a")]));
    // Valid for two seconds more, then replaced.
    const first = ca.svid(REVIEWS, 3000, Date.now() - 1000);
    const second = ca.svid(REVIEWS);
    const { told, client } = connect(port, () => (Date.now() < first.notAfterMs - 500 ? first : second));
    await settle(() => told.length > 0);
    expect(ads.clients[0]!.certificateNotAfterMs).toBe(first.notAfterMs);
    await settle(() => ads.clients[0]?.certificateNotAfterMs === second.notAfterMs);
    await settle(() => ads.clients[0]?.types.length === 1);
    expect([told, client.status.attempts, ads.clients[0]!.types[0]!.pushes]).toEqual([["a"], 2, 0]);
  });

  test("a connection takes no new call once the certificate that it began with has ended", async () => {
    const { grpc, port } = await serve(ca.svid(CONTROL));
    const expiring = ca.svid(REVIEWS, 2000, Date.now() - 1000);
    const target = `127.0.0.1:${port}`;
    const { promise: goaway, resolve } = Promise.withResolvers<void>();
    const session = connectHttp2(`https://${target}`, {
      cert: expiring.certChainPem,
      key: expiring.privateKeyPem,
      ca: ca.bundlePem,
      checkServerIdentity: () => undefined,
    });
    session.on("goaway", () => resolve());
    const stream = session.request({
      ":method": "POST",
      ":path": "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    await goaway;
    expect(Date.now()).toBeGreaterThanOrEqual(expiring.notAfterMs);
    expect(grpc.connections).toBe(1);
    // What runs may end by itself; then the connection goes.
    stream.end();
    stream.close();
    await settle(() => grpc.connections === 0);
    session.destroy();
  });
});
