/**
 * A change of configuration closes no connection that it does not concern, whatever the connection carries.
 */
import { describe, expect, test } from "bun:test";
import { get2, type Http2Call, type Http2Peer, http2Client } from "../../tests/support/http2-peers.ts";
import {
  assignment,
  chain,
  cluster,
  edsCluster,
  httpListener,
  listener,
  manager,
  route,
  routes,
} from "../../tests/support/proxy-resources.ts";
import { type Backend, type Peer, ProxyRig } from "../../tests/support/proxy-rig.ts";
import { bodyOf, get, OK, statusOf } from "../../tests/support/proxy-scene.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import { TcpProxy } from "../xds/proto/filter-tcp-proxy.ts";
import { Listener } from "../xds/proto/listener.ts";
import { RouteConfiguration } from "../xds/proto/route.ts";
import { pack } from "../xds/types/any.ts";

const rds = (name: string) => ({ rds: { routeConfigName: name, configSource: { ads: {} } } });
const WEBSOCKET = get("/", "connection: upgrade", "upgrade: websocket");
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
const own = (over: Partial<Listener> = {}): Listener =>
  httpListener({ ...rds("own"), upgradeConfigs: [{ upgradeType: "websocket" }] }, over);
const tcp = listener([chain({ name: "tcp", typedConfig: pack(TcpProxy, { statPrefix: "t", cluster: "app" }) })], {
  name: "tcp",
});
const other = (statPrefix = "other"): Listener => httpListener({ ...rds("other"), statPrefix }, { name: "other" });

/** One connection of each kind: idle, with a request under way, a WebSocket, a TCP tunnel, HTTP/2 with a stream under way. */
class Scene {
  readonly rig = new ProxyRig();
  backend!: Backend;
  idle!: Peer;
  busy!: Peer;
  socket!: Peer;
  tunnel!: Peer;
  http2!: Http2Peer;
  stream!: Http2Call;
  readonly #held: Peer[] = [];

  static async start(): Promise<Scene> {
    const scene = new Scene();
    const { rig } = scene;
    scene.backend = await rig.backend((text, peer) => scene.#answer(text, peer));
    await rig.apply(Cluster, edsCluster("app"), cluster("other", [1]));
    await rig.apply(ClusterLoadAssignment, assignment("app", scene.backend.port));
    await rig.apply(RouteConfiguration, routes([route("app")], {}, { name: "own" }));
    await rig.apply(RouteConfiguration, routes([route("other")], {}, { name: "other" }));
    await rig.apply(Listener, own(), tcp, other());
    await scene.#connect();
    return scene;
  }

  #answer(text: string, peer: Peer): string | undefined {
    if (text.includes("/slow")) return void this.#held.push(peer);
    if (/upgrade: websocket/i.test(text)) return SWITCHED;
    return text.includes("HTTP/1.1") ? OK : `echo ${text}`;
  }

  async #connect(): Promise<void> {
    const { rig } = this;
    this.idle = await rig.client();
    expect(statusOf(await rig.exchange(this.idle, get("/")))).toBe(200);
    this.busy = await rig.client();
    this.busy.send(get("/slow"));
    this.socket = await rig.client();
    expect(statusOf(await rig.exchange(this.socket, WEBSOCKET))).toBe(101);
    this.tunnel = await rig.client("tcp");
    expect(await rig.exchange(this.tunnel, "one")).toBe("echo one");
    this.http2 = await http2Client(rig);
    this.stream = this.http2.call(get2("/slow"));
    await rig.turn();
    expect(this.#held.length).toBe(2);
  }

  /** All of them go on as if nothing had happened. */
  async goOn(): Promise<void> {
    const { rig } = this;
    expect([this.idle, this.busy, this.socket, this.tunnel].map(({ ended, closed }) => ended || closed)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect([this.http2.goaway, this.http2.closed]).toEqual([undefined, false]);
    for (const peer of this.#held.splice(0)) peer.send(OK);
    await rig.turn();
    expect(bodyOf(this.busy.take())).toBe("ok");
    expect(this.stream.ended).toBe(true);
    expect(await rig.exchange(this.socket, "two")).toBe("echo two");
    expect(await rig.exchange(this.tunnel, "three")).toBe("echo three");
    for (const client of [this.idle, this.busy]) expect(statusOf(await rig.exchange(client, get("/")))).toBe(200);
    const again = this.http2.call(get2("/"));
    await rig.turn();
    expect(again.ended).toBe(true);
  }

  async finish(): Promise<void> {
    this.http2.socket.destroy();
    await this.rig.turn();
    await this.rig.finish();
  }
}

type Change = (rig: ProxyRig, scene: Scene) => Promise<void>;

const CHANGES: Readonly<Record<string, Change>> = {
  "another listener is added": (rig) => rig.apply(Listener, httpListener({ ...rds("own") }, { name: "new" })),
  "another listener changes": (rig) => rig.apply(Listener, other("changed")),
  "another listener is removed": (rig) => rig.remove(Listener, "other"),
  "the same listeners come again": (rig) => rig.apply(Listener, own(), tcp, other()),
  "the own listener gets another chain": (rig) =>
    rig.apply(
      Listener,
      own({
        filterChains: [
          ...(own().filterChains ?? []),
          {
            ...chain(manager(rds("other"))),
            filterChainMatch: { sourcePrefixRanges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }] },
          },
        ],
      }),
    ),
  "the own connection manager changes": (rig) =>
    rig.apply(
      Listener,
      httpListener({ ...rds("own"), upgradeConfigs: [{ upgradeType: "websocket" }], streamIdleTimeout: 77_000 }),
    ),
  "a change of the own listener is refused": async (rig) => {
    expect(await rig.offer(Listener, own({ filterChains: [] }))).toHaveLength(1);
  },
  "the own routes change": (rig) =>
    rig.apply(
      RouteConfiguration,
      routes([{ ...route("other"), match: { prefix: "/elsewhere" } }, route("app")], {}, { name: "own" }),
    ),
  "other routes change": (rig) => rig.apply(RouteConfiguration, routes([route("app")], {}, { name: "other" })),
  "other routes are removed": (rig) => rig.remove(RouteConfiguration, "other"),
  "another cluster is added": (rig) => rig.apply(Cluster, cluster("new", [2])),
  "another cluster changes": (rig) => rig.apply(Cluster, cluster("other", [3], { connectTimeout: 7000 })),
  "another cluster is removed": (rig) => rig.remove(Cluster, "other"),
  "the same clusters come again": (rig) => rig.apply(Cluster, edsCluster("app"), cluster("other", [1])),
  "the own cluster changes": (rig) => rig.apply(Cluster, edsCluster("app", { connectTimeout: 7000 })),
  "endpoints of another cluster change": (rig) => rig.apply(ClusterLoadAssignment, assignment("elsewhere", 4)),
  "the own cluster gets another endpoint and loses it": async (rig, { backend }) => {
    await rig.apply(ClusterLoadAssignment, assignment("app", backend.port, 5));
    await rig.apply(ClusterLoadAssignment, assignment("app", backend.port));
  },
  "the own endpoint gets another weight": (rig, { backend }) => {
    const [locality] = assignment("app", backend.port).endpoints ?? [];
    const lbEndpoints = (locality?.lbEndpoints ?? []).map((it) => ({ ...it, loadBalancingWeight: 9 }));
    return rig.apply(ClusterLoadAssignment, { clusterName: "app", endpoints: [{ lbEndpoints }] });
  },
  "a secret comes that nobody here uses, and is renewed": async (rig) => {
    for (const trustedCaPem of ["one", "two"]) rig.proxy.secrets.set("elsewhere", { t: "trustedCa", trustedCaPem });
    await rig.turn();
  },
};

describe("connections go on when", () => {
  for (const [what, change] of Object.entries(CHANGES))
    test(what, async () => {
      const scene = await Scene.start();
      await change(scene.rig, scene);
      await scene.goOn();
      await scene.finish();
    });
});

describe("an endpoint that goes", () => {
  test("gets no new request; what it has ends, and its connections then, while those of others stay", async () => {
    const scene = await Scene.start();
    const { rig, backend } = scene;
    const next = await rig.backend(() => OK);
    const open = (): number => backend.connections.filter(({ closed }) => !closed).length;
    expect(statusOf(await rig.exchange(scene.idle, get("/")))).toBe(200);
    const before = open();
    await rig.apply(ClusterLoadAssignment, assignment("app", next.port));
    // The one that nobody used is closed; two requests and two tunnels stay.
    expect([before, open()]).toEqual([5, 4]);
    expect(statusOf(await rig.exchange(scene.idle, get("/")))).toBe(200);
    expect(next.connections.length).toBe(1);
    await scene.goOn();
    expect(open()).toBe(2);
    expect(next.open.length).toBeGreaterThan(0);
    await scene.finish();
  });
});
