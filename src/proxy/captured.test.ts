import { expect, test } from "bun:test";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import { EndpointSet } from "../engine/cluster/endpoints.ts";
import type { MemoryNetwork } from "../net/memory-network.ts";
import type { SocketAddress } from "../net/socket.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { type FilterChain, Listener } from "../xds/proto/listener.ts";
import { DialedHosts } from "./dialed-hosts.ts";
import { chain, cluster, httpOptions, listener, manager, route, routes } from "../../tests/support/proxy-resources.ts";
import { Backend, Peer, ProxyRig } from "../../tests/support/proxy-rig.ts";
import { answer, GET, get } from "../../tests/support/proxy-scene.ts";
import { tcp } from "../../tests/support/tcp-scene.ts";

const OUTBOUND = 15_001;
const FAR: SocketAddress = { address: "10.0.0.9", port: 7000 };

const original = (name: string, over: Partial<Cluster> = {}): Cluster => ({
  name,
  type: "ORIGINAL_DST",
  lbPolicy: "CLUSTER_PROVIDED",
  typedExtensionProtocolOptions: httpOptions({ useDownstreamProtocolConfig: {} }),
  ...over,
});

const at = (address: string, portValue: number) => ({ address: { socketAddress: { address, portValue } } });

/** As Istio has it: what is dialed to the proxy itself ends, all else goes where it was meant to. */
const virtualOutbound = (over: Partial<Listener> = {}): Listener =>
  listener([tcp("black-hole", { filterChainMatch: { destinationPort: OUTBOUND } }), tcp("pass")], {
    ...at("0.0.0.0", OUTBOUND),
    name: "virtualOutbound",
    useOriginalDst: true,
    ...over,
  });

const handed = (name: string, address: string, port: number, chains: readonly FilterChain[]): Listener =>
  listener(chains, { ...at(address, port), name, bindToPort: false });

interface Scene {
  readonly rig: ProxyRig;
  readonly app: Backend;
  readonly far: Backend;
  /** A connection to an address, which the kernel leads to the proxy. */
  readonly call: (to: SocketAddress) => Promise<Peer>;
  readonly finish: () => Promise<void>;
}

async function scene(...listeners: readonly Listener[]): Promise<Scene> {
  const rig = new ProxyRig();
  const network = rig.net.network as MemoryNetwork;
  const app = await rig.backend((text) => (text.startsWith("GET") ? answer("app") : `app:${text}`));
  const far = await backendAt(network, FAR, (text) => (text.startsWith("GET") ? answer("far") : `far:${text}`));
  await rig.apply(Cluster, cluster("app", [app.port]), cluster("black-hole", []), original("pass"));
  await rig.apply(Listener, virtualOutbound(), ...listeners);
  await rig.until(() => rig.proxy.listeners.allStarted);
  const peers: Peer[] = [];
  const call = async (to: SocketAddress): Promise<Peer> => {
    let peer: Peer | undefined;
    network.redirect = () => ({ address: "0.0.0.0", port: OUTBOUND });
    network.dial(
      { ...to, connectTimeoutMs: 1000 },
      (socket) => void (peer = new Peer(socket)),
      (error) => {
        throw error;
      },
    );
    network.redirect = (it) => it;
    await rig.until(() => peer !== undefined);
    peers.push(peer as Peer);
    return peer as Peer;
  };
  const finish = async (): Promise<void> => {
    for (const { socket } of [...peers, ...far.connections]) socket.destroy();
    await rig.turn();
    await rig.finish();
  };
  return { rig, app, far, call, finish };
}

async function backendAt(network: MemoryNetwork, place: SocketAddress, reply: Backend["answer"]): Promise<Backend> {
  const backend: Backend = new Backend(await network.listen(place, (socket) => backend.accept(socket)));
  backend.answer = reply;
  return backend;
}

test("a connection that was led here goes where it was meant to", async () => {
  const { rig, far, call, finish } = await scene();
  const client = await call(FAR);
  expect(await rig.exchange(client, "hello")).toBe("far:hello");
  expect(far.last.socket.remote.address).toBe("127.0.0.1");
  expect(rig.stat("cluster.pass.membership_total")).toBe(0);
  expect(rig.proxy.clusters.clusters.get("pass")?.endpoints.all.map(({ key }) => key)).toEqual(["10.0.0.9:7000"]);
  client.socket.destroy();
  far.last.socket.destroy();
  await rig.turn();
  await rig.advance(6000);
  expect(rig.proxy.clusters.clusters.get("pass")?.endpoints.all).toEqual([]);
  await finish();
});

test("the listener of the very address takes it, else the one of its port", async () => {
  const [one, other] = [
    handed("10.0.0.5_7000", "10.0.0.5", 7000, [tcp("app")]),
    handed("0.0.0.0_7000", "0.0.0.0", 7000, [chain(manager({ routeConfig: routes([route("app")]) }))]),
  ];
  const { rig, call, finish } = await scene(one, other);
  expect(await rig.exchange(await call({ address: "10.0.0.5", port: 7000 }), "raw")).toBe("app:raw");
  expect(await rig.exchange(await call({ address: "10.0.0.6", port: 7000 }), GET)).toContain("\r\n\r\napp");
  // A port that no listener has is nobody's.
  const closed = await call({ address: "10.0.0.5", port: 7001 });
  closed.send("x");
  await rig.until(() => closed.ended);
  expect(rig.proxy.listeners.list().map(({ name, port }) => [name, port])).toEqual([
    ["virtualOutbound", OUTBOUND],
    ["10.0.0.5_7000", undefined],
    ["0.0.0.0_7000", undefined],
  ]);
  // A change of it takes the next connection.
  await rig.apply(Listener, handed("10.0.0.5_7000", "10.0.0.7", 7000, [tcp("app")]));
  expect(await rig.exchange(await call({ address: "10.0.0.5", port: 7000 }), GET)).toContain("\r\n\r\napp");
  expect(await rig.exchange(await call({ address: "10.0.0.7", port: 7000 }), "raw")).toBe("app:raw");
  await rig.remove(Listener, "10.0.0.5_7000", "0.0.0.0_7000");
  expect(await rig.exchange(await call(FAR), GET)).toContain("\r\n\r\nfar");
  await finish();
});

test("requests to no known host go where the connection was meant to", async () => {
  const routeConfig = routes([route("pass")]);
  const { rig, far, call, finish } = await scene(
    handed("0.0.0.0_7000", "0.0.0.0", 7000, [chain(manager({ routeConfig }))]),
  );
  const client = await call(FAR);
  expect(await rig.exchange(client, get("/", "x: 1"))).toContain("\r\n\r\nfar");
  expect(await rig.exchange(client, get("/2"))).toContain("\r\n\r\nfar");
  expect(far.connections.length).toBe(1);
  await finish();
});

test("what is dialed to the proxy itself does not come back to it", async () => {
  const { rig, call, finish } = await scene();
  for (const address of ["127.0.0.1", "192.0.2.1"]) {
    const own = await call({ address, port: OUTBOUND });
    own.send("x");
    await rig.until(() => own.ended);
  }
  expect(rig.stat("cluster.black-hole.upstream_cx_none_healthy")).toBe(2);
  // Nor does a connection that nobody led here.
  const [straight, pass] = [await rig.client("virtualOutbound").catch(() => undefined), "pass"];
  expect(straight).toBeUndefined();
  expect(rig.proxy.clusters.clusters.get(pass)?.endpoints.all).toEqual([]);
  await finish();
});

test("nor does what is dialed to another of its listeners, by an address that none has", async () => {
  const { rig, call, finish } = await scene(listener([tcp("app")], { ...at("127.0.0.1", 8080), name: "other" }));
  const own = await call({ address: "192.0.2.1", port: 8080 });
  own.send("x");
  await rig.until(() => own.ended);
  expect(rig.stat("cluster.pass.upstream_cx_none_healthy")).toBe(1);
  expect(rig.proxy.clusters.clusters.get("pass")?.endpoints.all).toEqual([]);
  await finish();
});

test("nor does what was called before the proxy listened there", async () => {
  const { rig, call, finish } = await scene();
  const place = { address: "192.0.2.1", port: 8080 };
  const tried = async (): Promise<number> => {
    const peer = await call(place);
    peer.send("x");
    await rig.until(() => peer.ended);
    return rig.stat("cluster.pass.upstream_cx_none_healthy");
  };
  expect(await tried()).toBe(0);
  await rig.apply(Listener, listener([tcp("app")], { ...at("127.0.0.1", 8080), name: "other" }));
  await rig.until(() => rig.proxy.listeners.allStarted);
  expect(await tried()).toBe(1);
  await rig.remove(Listener, "other");
  expect(await tried()).toBe(1);
  await finish();
});

test("there are so many destinations at most; who is called keeps its place, others make room", async () => {
  const hosts = new DialedHosts({ cleanupMs: 5000 }, new EndpointSet(), () => false, 1024);
  const pick = (i: number) => hosts.endpointOf({ address: `10.1.${i >> 8}.${i & 255}`, port: 80 }, 0);
  const all = Array.from({ length: 1024 }, (_, i) => pick(i));
  for (const it of all) if (it !== undefined) it.activeConnections++;
  expect(pick(1024)).toBeUndefined();
  expect(pick(7)).toBe(all[7] as Endpoint);
  for (const it of all.slice(1)) if (it !== undefined) it.activeConnections--;
  expect(pick(1024)?.key).toBe("10.1.4.0:80");
  expect(pick(0)).toBe(all[0] as Endpoint);
  expect(all[7]?.live).toBe(false);
  hosts.sweep(5000);
  expect([all[0]?.live, pick(0)]).toEqual([true, all[0]]);
});

test("a listener that does not bind any more lets its port go, and one that binds again has it", async () => {
  const rig = new ProxyRig();
  const place = at("127.0.0.1", 7000);
  await rig.apply(Listener, listener([tcp("app")], { ...place, name: "l" }));
  const port = () => rig.proxy.listeners.list()[0]?.port;
  for (const bindToPort of [false, true]) {
    await rig.apply(Listener, listener([tcp("app")], { ...place, name: "l", bindToPort }));
    await rig.until(() => rig.proxy.listeners.warming.size === 0);
    expect(port()).toBe(bindToPort ? 7000 : undefined);
  }
  await rig.finish();
});

test("a listener that lacks its routes is not gone around", async () => {
  const rds = { routeConfigName: "7000", configSource: { ads: {} } };
  const { rig, far, call, finish } = await scene();
  await rig.offer(Listener, handed("0.0.0.0_7000", "0.0.0.0", 7000, [chain(manager({ rds }))]));
  const client = await call(FAR);
  client.send("x");
  await rig.until(() => client.closed);
  expect(far.connections).toEqual([]);
  await finish();
});

test("a cluster calls from the address that it was given", async () => {
  const { rig, far, call, finish } = await scene();
  await rig.apply(
    Cluster,
    original("pass", { upstreamBindConfig: { sourceAddress: { address: "127.0.0.6", portValue: 0 } } }),
  );
  await rig.exchange(await call(FAR), "x");
  expect(far.last.socket.remote.address).toBe("127.0.0.6");
  await finish();
});

test("what is wrong or not supported is refused by its path", async () => {
  const rig = new ProxyRig();
  const reasons = async (over: Partial<Cluster>): Promise<string> =>
    (await rig.offer(Cluster, original("c", over))).map(({ reason }) => reason).join();
  expect(await reasons({ lbPolicy: "ROUND_ROBIN" })).toContain("lb_policy: must be CLUSTER_PROVIDED");
  expect(await reasons({ originalDstLbConfig: { useHttpHeader: true } })).toContain(
    "original_dst_lb_config.use_http_header",
  );
  expect(await reasons({ originalDstLbConfig: { upstreamPortOverride: 80 } })).toContain("upstream_port_override");
  expect(await reasons({ loadAssignment: { clusterName: "c" } })).toContain("load_assignment");
  expect(await reasons({ cleanupInterval: 0 })).toContain("cleanup_interval: must be above 0");
  const source = (address: string, portValue: number) => ({
    upstreamBindConfig: { sourceAddress: { address, portValue } },
  });
  expect(await reasons(source("localhost", 0))).toContain("upstream_bind_config.source_address.address");
  expect(await reasons(source("127.0.0.6", 80))).toContain("upstream_bind_config.source_address.port_value");
  expect(await reasons({ upstreamBindConfig: { freebind: true } })).toContain("upstream_bind_config.freebind");
  expect(await reasons({ cleanupInterval: 9_223_372_035_000 })).toBe("");
});
