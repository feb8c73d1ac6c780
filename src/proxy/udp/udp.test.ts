import { afterEach, describe, expect, test } from "bun:test";
import { settle } from "../../../tests/support/settle.ts";
import { assignment, cluster, edsCluster, limits, LOOPBACK } from "../../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../../tests/support/proxy-rig.ts";
import { silentLog } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { bunDatagrams } from "../../net/bun-datagrams.ts";
import type { DatagramNetwork, DatagramSocket } from "../../net/datagrams.ts";
import { MemoryDatagrams } from "../../net/memory-datagrams.ts";
import { plainStats } from "../../telemetry/plain-stats.ts";
import { StdoutAccessLog } from "../../xds/proto/access-loggers.ts";
import { Cluster } from "../../xds/proto/cluster.ts";
import { ClusterLoadAssignment } from "../../xds/proto/endpoint.ts";
import { UdpProxyConfig } from "../../xds/proto/filter-udp-proxy.ts";
import { Listener } from "../../xds/proto/listener.ts";
import { pack } from "../../xds/types/any.ts";

// === helpers ===

const FORMAT = "%UPSTREAM_HOST% %UPSTREAM_CLUSTER% rx=%BYTES_RECEIVED% tx=%BYTES_SENT% %DURATION%\n";
const line = {
  name: "log",
  typedConfig: pack(StdoutAccessLog, { logFormat: { textFormatSource: { inlineString: FORMAT } } }),
};
const config = (over: UdpProxyConfig = {}): UdpProxyConfig => ({
  statPrefix: "u",
  cluster: "app",
  accessLog: [line],
  ...over,
});
const udp = (proxy: UdpProxyConfig = config(), portValue = 5353, over: Partial<Listener> = {}): Listener => ({
  name: "in",
  address: { socketAddress: { protocol: "UDP", address: LOOPBACK, portValue } },
  listenerFilters: [{ name: "udp", typedConfig: pack(UdpProxyConfig, proxy) }],
  ...over,
});

/** Says who it is, and what it heard. */
class Echo {
  readonly heard: { readonly text: string; readonly port: number }[] = [];
  socket: DatagramSocket | undefined;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  async open(network: DatagramNetwork): Promise<this> {
    this.socket = await network.bind({ address: LOOPBACK, port: 0 }, this);
    return this;
  }

  get port(): number {
    return this.socket?.local.port ?? 0;
  }

  onDatagram(bytes: Uint8Array, address: string, port: number): void {
    const text = Buffer.from(bytes).toString();
    this.heard.push({ text, port });
    this.socket?.send(Buffer.from(`${this.#name} ${text}`), port, address);
  }

  onError(): void {}
}

class Client {
  readonly heard: string[] = [];
  readonly socket: DatagramSocket;

  constructor(network: DatagramNetwork, port: number) {
    this.socket = network.connect({ address: LOOPBACK, port }, this);
  }

  onDatagram(bytes: Uint8Array): void {
    this.heard.push(Buffer.from(bytes).toString());
  }

  onError(): void {}
}

const rigs: ProxyRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) {
    rig.proxy.drain();
    await rig.advance(1000);
    await rig.finish();
  }
});

async function scene(proxy = config(), over: Partial<Cluster> = {}, onLog = silentLog) {
  const datagrams = new MemoryDatagrams();
  const rig = new ProxyRig({ datagrams, onLog });
  rigs.push(rig);
  const [a, b] = [await new Echo("a").open(datagrams), await new Echo("b").open(datagrams)];
  await rig.apply(Cluster, cluster("app", [a.port], over));
  await rig.apply(Listener, udp(proxy));
  const client = (): Client => new Client(datagrams, rig.portOf("in"));
  const turn = async (): Promise<void> => {
    datagrams.flush();
    await rig.turn();
    datagrams.flush();
  };
  const say = async (who: Client, text: string): Promise<string> => {
    who.heard.length = 0;
    who.socket.send(Buffer.from(text));
    await turn();
    return who.heard.join();
  };
  return { rig, datagrams, a, b, client, say, turn };
}

const stat = (rig: ProxyRig, name: string): number => rig.stat(name);

// === tests ===

describe("sessions", () => {
  test("each client has one, over a socket of its own, and its answers", async () => {
    const { a, client, rig, say } = await scene();
    const [one, other] = [client(), client()];
    expect(await say(one, "x")).toBe("a x");
    expect(await say(other, "yy")).toBe("a yy");
    expect(await say(one, "z")).toBe("a z");
    expect(new Set(a.heard.map(({ port }) => port)).size).toBe(2);
    expect(a.heard[0]?.port).toBe(a.heard[2]?.port as number);
    expect(stat(rig, "udp.u.downstream_sess_total")).toBe(2);
    expect(stat(rig, "udp.u.downstream_sess_active")).toBe(2);
    expect(stat(rig, "udp.u.downstream_sess_rx_datagrams")).toBe(3);
    expect(stat(rig, "udp.u.downstream_sess_rx_bytes")).toBe(4);
    expect(stat(rig, "udp.u.downstream_sess_tx_datagrams")).toBe(3);
    expect(stat(rig, "udp.u.downstream_sess_tx_bytes")).toBe(10);
    expect(stat(rig, "cluster.app.udp.sess_tx_datagrams")).toBe(3);
    expect(stat(rig, "cluster.app.udp.sess_rx_datagrams")).toBe(3);
    expect(stat(rig, "cluster.app.upstream_cx_tx_bytes_total")).toBe(4);
    expect(stat(rig, "cluster.app.upstream_cx_rx_bytes_total")).toBe(10);
    expect(rig.proxy.listeners.connectionCount).toBe(2);
  });

  test("one ends after a minute without a datagram either way, with a line of the log", async () => {
    const { a, client, datagrams, rig, say, turn } = await scene();
    const one = client();
    await say(one, "hello");
    await rig.advance(50_000);
    a.socket?.send(Buffer.from("late"), a.heard[0]?.port, LOOPBACK);
    await turn();
    await rig.advance(59_000);
    expect(stat(rig, "udp.u.downstream_sess_active")).toBe(1);
    const open = datagrams.count;
    await rig.advance(1000);
    expect(datagrams.count).toBe(open - 1);
    expect(stat(rig, "udp.u.downstream_sess_active")).toBe(0);
    expect(stat(rig, "udp.u.idle_timeout")).toBe(1);
    await rig.advance(1000);
    expect(rig.log).toEqual([`${LOOPBACK}:${a.port} app rx=5 tx=11 110000`]);
    expect(await say(one, "again")).toBe("a again");
    expect(a.heard[1]?.port).not.toBe(a.heard[0]?.port as number);
  });

  test("a datagram larger than it may be is dropped, on either side", async () => {
    const { a, client, rig, say, turn } = await scene();
    const one = client();
    expect(await say(one, "x".repeat(1500))).toBe("");
    expect(stat(rig, "cluster.app.udp.sess_rx_datagrams_dropped")).toBe(1);
    await say(one, "x".repeat(1501));
    await turn();
    expect(a.heard.length).toBe(1);
    expect(stat(rig, "listener.127.0.0.1_5353.udp.downstream_rx_datagram_dropped")).toBe(1);
  });

  test("with a balancer that hashes, the client's address chooses the endpoint", async () => {
    const hashing: Partial<Cluster> = { lbPolicy: "RING_HASH" };
    const { a, b, client, rig, say } = await scene(config({ hashPolicies: [{ sourceIp: true }] }), hashing);
    await rig.apply(Cluster, cluster("app", [a.port, b.port], hashing));
    const answers = new Set<string>();
    for (let i = 0; i < 10; i++) answers.add(await say(client(), "x"));
    expect(answers.size).toBe(1);
  });

  test("each datagram by itself, where that is asked for", async () => {
    const { a, b, client, rig, say } = await scene(config({ usePerPacketLoadBalancing: true }));
    await rig.apply(Cluster, cluster("app", [a.port, b.port]));
    const one = client();
    const answers = [await say(one, "1"), await say(one, "2"), await say(one, "3"), await say(one, "4")];
    expect(answers.map((it) => it[0]).sort()).toEqual(["a", "a", "b", "b"]);
    expect(stat(rig, "udp.u.downstream_sess_total")).toBe(2);
    // Another cluster of the name has endpoints of its own, and the circuit breaker that counts.
    await rig.apply(Cluster, cluster("app", [a.port], { circuitBreakers: { thresholds: [{ maxConnections: 1 }] } }));
    expect([await say(one, "5"), await say(one, "6")]).toEqual(["a 5", "a 6"]);
    expect(stat(rig, "udp.u.downstream_sess_total")).toBe(3);
  });
});

describe("endpoints", () => {
  test("without a cluster, or one that is healthy, datagrams are counted and dropped", async () => {
    const { a, client, rig, say } = await scene();
    await rig.remove(Cluster, "app");
    const one = client();
    expect(await say(one, "x")).toBe("");
    expect(stat(rig, "udp.u.downstream_sess_no_route")).toBe(1);
    await rig.apply(Cluster, edsCluster("app"));
    expect(await say(one, "x")).toBe("");
    expect(stat(rig, "cluster.app.upstream_cx_none_healthy")).toBe(1);
    expect(stat(rig, "udp.u.downstream_sess_total")).toBe(0);
    await rig.apply(ClusterLoadAssignment, assignment("app", a.port));
    expect(await say(one, "x")).toBe("a x");
  });

  test("a session leaves for another when its own is gone, or does not serve", async () => {
    const { a, b, client, rig, say } = await scene();
    await rig.apply(Cluster, edsCluster("app", { commonLbConfig: { healthyPanicThreshold: { value: 0 } } }));
    await rig.apply(ClusterLoadAssignment, assignment("app", a.port));
    const one = client();
    expect(await say(one, "1")).toBe("a 1");
    const sick = { ...assignment("app", a.port, b.port) };
    const [first, second] = sick.endpoints?.[0]?.lbEndpoints ?? [];
    const both = (healthStatus: "UNHEALTHY" | "HEALTHY"): ClusterLoadAssignment => ({
      clusterName: "app",
      endpoints: [{ lbEndpoints: [{ ...first, healthStatus }, { ...second }] }],
    });
    await rig.apply(ClusterLoadAssignment, both("UNHEALTHY"));
    expect(await say(one, "2")).toBe("b 2");
    expect(stat(rig, "udp.u.downstream_sess_active")).toBe(1);
    // It stays, though the other is well again.
    await rig.apply(ClusterLoadAssignment, both("HEALTHY"));
    expect(await say(one, "3")).toBe("b 3");
    await rig.apply(ClusterLoadAssignment, assignment("app", a.port));
    expect(await say(one, "4")).toBe("a 4");
    expect(stat(rig, "udp.u.downstream_sess_total")).toBe(3);
  });

  test("one that does not serve is kept while no other does", async () => {
    const { a, client, rig, say } = await scene();
    await rig.apply(Cluster, edsCluster("app", { commonLbConfig: { healthyPanicThreshold: { value: 0 } } }));
    await rig.apply(ClusterLoadAssignment, assignment("app", a.port));
    const one = client();
    expect(await say(one, "1")).toBe("a 1");
    const [first] = assignment("app", a.port).endpoints?.[0]?.lbEndpoints ?? [];
    const sick: ClusterLoadAssignment = {
      clusterName: "app",
      endpoints: [{ lbEndpoints: [{ ...first, healthStatus: "UNHEALTHY" }] }],
    };
    await rig.apply(ClusterLoadAssignment, sick);
    expect(await say(one, "2")).toBe("a 2");
    expect(await say(client(), "3")).toBe("");
  });

  test("where nobody listens that is counted, and the session goes on", async () => {
    const { a, client, rig, say } = await scene();
    a.socket?.close();
    expect(await say(client(), "x")).toBe("");
    expect(stat(rig, "cluster.app.udp.sess_rx_errors")).toBe(1);
    expect(stat(rig, "udp.u.downstream_sess_active")).toBe(1);
  });
});

describe("bounds", () => {
  test("the circuit breaker of the cluster counts sessions as connections", async () => {
    const { client, rig, say } = await scene(config(), limits({ maxConnections: 1 }));
    const [one, other] = [client(), client()];
    expect(await say(one, "x")).toBe("a x");
    expect(await say(other, "x")).toBe("");
    expect(stat(rig, "cluster.app.upstream_cx_overflow")).toBe(1);
    expect(stat(rig, "udp.u.downstream_sess_total")).toBe(2);
    expect(stat(rig, "udp.u.downstream_sess_active")).toBe(1);
    expect(await rig.logged()).toEqual(["- app rx=0 tx=0 0"]);
    await rig.advance(60_000);
    expect(await say(other, "x")).toBe("a x");
  });

  test("without a socket to be had, datagrams are counted and dropped, and the log is told once", async () => {
    const told: unknown[] = [];
    const { client, datagrams, rig, say } = await scene(
      config(),
      {},
      {
        ...silentLog,
        warn: (...words) => void told.push(words),
      },
    );
    const [one, other] = [client(), client()];
    datagrams.left = 0;
    await say(one, "x");
    await say(other, "x");
    expect(stat(rig, "udp.u.downstream_sess_overflow")).toBe(2);
    expect(told).toEqual([
      [
        "datagrams of new clients are dropped",
        { listener: "in", reason: expect.stringContaining("EMFILE") as unknown },
      ],
    ]);
  });

  test("of one listener there are so many sessions at most", async () => {
    const { client, rig, say } = await scene(config(), limits({ maxConnections: 100_000 }));
    for (let i = 0; i < 10_000; i++) client().socket.send(Buffer.from("x"));
    const last = client();
    expect(await say(last, "x")).toBe("");
    expect(stat(rig, "udp.u.downstream_sess_active")).toBe(10_000);
    expect(stat(rig, "udp.u.downstream_sess_overflow")).toBe(1);
    await rig.advance(60_000);
    expect(await say(last, "x")).toBe("a x");
  });
});

describe("changes", () => {
  test("a changed listener leads clients to another cluster; what the old endpoint still answers goes back", async () => {
    const { a, b, client, rig, say, turn } = await scene();
    await rig.apply(Cluster, cluster("other", [b.port]));
    const one = client();
    await say(one, "1");
    await rig.apply(Listener, udp(config({ cluster: "other" })));
    one.heard.length = 0;
    a.socket?.send(Buffer.from("late"), a.heard[0]?.port, LOOPBACK);
    await turn();
    expect(one.heard).toEqual(["late"]);
    expect(await say(one, "2")).toBe("b 2");
    await rig.advance(1000);
    expect(stat(rig, "udp.u.downstream_sess_active")).toBe(1);
    expect(stat(rig, "udp.u.idle_timeout")).toBe(0);
  });

  test("what an old endpoint goes on to say is heard for so long, and no longer", async () => {
    const { a, b, client, datagrams, rig, say, turn } = await scene();
    await rig.apply(Cluster, cluster("other", [b.port]));
    const one = client();
    await say(one, "1");
    await rig.apply(Listener, udp(config({ cluster: "other" })));
    const tell = async (): Promise<string> => {
      one.heard.length = 0;
      a.socket?.send(Buffer.from("on"), a.heard[0]?.port, LOOPBACK);
      await turn();
      return one.heard.join();
    };
    for (let passedMs = 0; passedMs < 45_000; passedMs += 500) {
      expect(await tell()).toBe("on");
      await rig.advance(500);
    }
    expect(await tell()).toBe("");
    expect(stat(rig, "udp.u.downstream_sess_active")).toBe(0);
    // The echoes', the client's and the listener's.
    expect(datagrams.count).toBe(4);
  });

  test("a listener that goes before it has its socket keeps none", async () => {
    const { datagrams, rig } = await scene();
    const count = datagrams.count;
    rig.proxy.apply(
      Listener.typeUrl,
      [{ name: "late", any: pack(Listener, udp(config(), 5454, { name: "late" })) }],
      [],
    );
    const starting = rig.proxy.start();
    rig.proxy.apply(Listener.typeUrl, [], ["late"]);
    await starting;
    await rig.turn();
    expect(datagrams.count).toBe(count);
  });

  test("a removed listener takes nobody new, and answers those that have asked", async () => {
    const { a, client, datagrams, rig, say, turn } = await scene();
    const [one, other] = [client(), client()];
    await say(one, "1");
    await rig.remove(Listener, "in");
    one.heard.length = 0;
    a.socket?.send(Buffer.from("late"), a.heard[0]?.port, LOOPBACK);
    expect(await say(other, "x")).toBe("");
    await turn();
    expect(one.heard).toEqual(["late"]);
    expect(rig.proxy.listeners.leavingCount).toBe(1);
    await rig.advance(1000);
    expect(rig.proxy.listeners.connectionCount).toBe(0);
    // The clients' sockets and the echoes'.
    expect(datagrams.count).toBe(4);
  });

  test("one that comes to the place of one that leaves has it at once", async () => {
    const { client, rig, say } = await scene();
    const one = client();
    await say(one, "1");
    rig.proxy.apply(
      Listener.typeUrl,
      [{ name: "next", any: pack(Listener, udp(config(), 5353, { name: "next" })) }],
      ["in"],
    );
    await rig.turn();
    expect(rig.proxy.listeners.list()).toEqual([
      { name: "next", address: LOOPBACK, port: 5353, transport: "UDP", accepting: true },
    ]);
    expect(await say(one, "2")).toBe("a 2");
  });

  test("another address: the old one serves until the new one is had", async () => {
    const { client, datagrams, rig, say } = await scene();
    const taken = await datagrams.bind({ address: LOOPBACK, port: 5454 }, new Echo("taken"));
    rig.proxy.apply(Listener.typeUrl, [{ name: "in", any: pack(Listener, udp(config(), 5454)) }], []);
    expect(await rig.proxy.start()).toEqual([
      { name: "in", reason: `cannot listen on ${LOOPBACK}:5454: EADDRINUSE`, mayPass: true },
    ]);
    expect(await say(client(), "1")).toBe("a 1");
    rig.proxy.apply(Listener.typeUrl, [{ name: "in", any: pack(Listener, udp()) }], []);
    expect(await rig.proxy.start()).toEqual([]);
    expect(rig.proxy.listeners.warming.size).toBe(0);
    expect(stat(rig, "udp.u.downstream_sess_active")).toBe(1);
    taken.close();
    rig.proxy.apply(Listener.typeUrl, [{ name: "in", any: pack(Listener, udp(config(), 5454)) }], []);
    expect(await rig.proxy.start()).toEqual([]);
    expect(rig.portOf("in")).toBe(5454);
    expect(await say(client(), "2")).toBe("a 2");
  });

  test("a wrong one is refused by name, and what is live stays; UDP does not become TCP", async () => {
    const { client, rig, say } = await scene();
    const wrong = await rig.offer(Listener, udp(config({ useOriginalSrcIp: true })));
    expect(wrong[0]?.reason).toContain("listener_filters[0].typed_config.use_original_src_ip: is not supported yet");
    const tcp = await rig.offer(Listener, {
      name: "in",
      address: { socketAddress: { address: LOOPBACK, portValue: 1 } },
      filterChains: [{}],
    });
    expect(tcp[0]?.reason).toContain("address.socket_address.protocol: must stay what it is");
    expect(await say(client(), "1")).toBe("a 1");
  });

  test("a cluster that goes takes its statistics along when its last session has ended", async () => {
    const { client, rig, say } = await scene();
    const one = client();
    await say(one, "1");
    await rig.remove(Cluster, "app");
    const has = (): boolean => plainStats(rig.registry).includes("cluster.app.");
    expect(has()).toBe(true);
    await say(one, "2");
    expect(has()).toBe(false);
  });
});

const SEED = Number(process.env["SEED"] ?? 7411);

test(`whatever changes, every session ends and its socket with it (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  const below = (n: number): number => Math.floor(random() * n);
  for (let round = 0; round < 40; round++) {
    const { a, b, client, datagrams, rig, turn } = await scene();
    const clients = Array.from({ length: 4 }, client);
    const proxies = [config(), config({ cluster: "other" }), config({ usePerPacketLoadBalancing: true })];
    const acts: readonly (() => unknown)[] = [
      () => rig.offer(Listener, udp(proxies[below(3)], 5353 + below(2))),
      () => rig.remove(Listener, "in"),
      () =>
        rig.apply(
          Cluster,
          cluster("app", below(2) === 0 ? [a.port] : [a.port, b.port], limits({ maxConnections: 1 + below(5) })),
        ),
      () => rig.apply(Cluster, cluster("other", [b.port])),
      () => rig.remove(Cluster, below(2) === 0 ? "app" : "other"),
      () => rig.advance(below(70_000)),
      () => (datagrams.left = below(3) === 0 ? 1 : 1000),
      () => b.socket?.send(Buffer.from("late"), b.heard.at(-1)?.port ?? 1, LOOPBACK),
    ];
    for (let step = 0; step < 30; step++) {
      for (const it of clients) if (below(2) === 0) it.socket.send(Buffer.from("x"));
      await turn();
      await acts[below(acts.length)]?.();
      await turn();
    }
    rig.proxy.drain();
    await turn();
    await rig.advance(1000);
    expect([rig.proxy.listeners.connectionCount, stat(rig, "udp.u.downstream_sess_active")]).toEqual([0, 0]);
    // The echoes' and the clients'.
    expect(datagrams.count).toBe(6);
    for (const { admission } of rig.proxy.clusters.clusters.values()) expect(admission.load.connections).toBe(0);
  }
});

test("the same on sockets of the machine", async () => {
  const rig = new ProxyRig({ datagrams: bunDatagrams });
  rigs.push(rig);
  const a = await new Echo("a").open(bunDatagrams);
  await rig.apply(Cluster, cluster("app", [a.port]));
  await rig.apply(Listener, udp(config(), 0));
  await settle(() => rig.proxy.listeners.allStarted);
  const clients = Array.from({ length: 20 }, () => new Client(bunDatagrams, rig.portOf("in")));
  for (const [i, it] of clients.entries()) it.socket.send(Buffer.from(String(i)));
  await settle(() => clients.every(({ heard }) => heard.length === 1));
  expect(clients.map(({ heard }) => heard[0])).toEqual(clients.map((_, i) => `a ${i}`));
  a.socket?.close();
  clients[0]?.socket.send(Buffer.from("gone"));
  await settle(() => stat(rig, "cluster.app.udp.sess_rx_errors") === 1);
  for (const it of clients) it.socket.close();
});
