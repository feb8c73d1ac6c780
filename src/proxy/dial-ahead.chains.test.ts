import { describe, expect, test } from "bun:test";
import {
  cxTotal,
  denies,
  detecting,
  http,
  type Scene,
  type SceneOptions,
  scene,
  silentClient,
  tcpTo,
  TIMEOUT_MS,
} from "../../tests/support/dial-ahead-scene.ts";
import { clientHello } from "../../tests/support/client-hello.ts";
import { chain, cluster, limits, listener, LOOPBACK } from "../../tests/support/proxy-resources.ts";
import { httpInspector, proxyProtocol, tlsInspector } from "../../tests/support/tcp-scene.ts";
import { DIAL_AHEAD_AFTER_MS } from "../engine/listener/dial-ahead.ts";
import type { CompiledOverload } from "../engine/overload/compile.ts";
import { writeProxyHeader } from "../wire/proxy-protocol.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { SniCluster } from "../xds/proto/filter-sni-cluster.ts";
import { Listener, type NetworkFilter } from "../xds/proto/listener.ts";
import { RawBuffer } from "../xds/proto/tls.ts";
import { ProxyProtocolUpstreamTransport } from "../xds/proto/upstream-proxy-protocol.ts";
import { pack } from "../xds/types/any.ts";

describe("nobody is called", () => {
  const never = async (options: SceneOptions, prepare: (made: Scene) => unknown = () => {}): Promise<Scene> => {
    const made = await scene(options);
    await prepare(made);
    await silentClient(made);
    await made.rig.advance(DIAL_AHEAD_AFTER_MS);
    expect(made.backend.connections).toHaveLength(0);
    return made;
  };

  test("where a client that is silent is let go, or is taken for HTTP", async () => {
    await (await never({ listener: { continueOnListenerFiltersTimeout: false } })).rig.finish();
    await (await never({ chains: [{ ...http, filterChainMatch: {} }] })).rig.finish();
    const both = [
      http,
      { ...http, filterChainMatch: {} },
      { ...chain(tcpTo("app")), filterChainMatch: { serverNames: ["a"] } },
    ];
    await (await never({ chains: both })).rig.finish();
  });

  test("where the time is over by then", async () => {
    const { rig, backend } = await scene({ listener: { listenerFiltersTimeout: DIAL_AHEAD_AFTER_MS } });
    await rig.client();
    await rig.advance(DIAL_AHEAD_AFTER_MS - 1);
    expect(backend.connections).toHaveLength(0);
    await rig.advance(1);
    expect(rig.stat("tcp.bytes.downstream_cx_total")).toBe(1);
    await rig.finish();
  });

  test("for whom the rules would refuse, and that is not counted before they do", async () => {
    const made = await never({ chains: [http, chain(denies(LOOPBACK), tcpTo("app"))] });
    expect(made.rig.stat("rbac.rbac.denied")).toBe(0);
    await made.rig.advance(TIMEOUT_MS);
    expect([made.rig.stat("rbac.rbac.denied"), made.backend.connections.length, cxTotal(made)]).toEqual([1, 0, 1]);
    await made.rig.finish();
  });

  test("while the circuit breaker is open, or there is no endpoint or no cluster", async () => {
    const full = await never({ cluster: limits({ maxConnections: 0 }) });
    expect(full.rig.stat("cluster.app.upstream_cx_overflow")).toBe(0);
    await full.rig.finish();
    await (await never({ chains: [chain(tcpTo("nowhere"))] })).rig.finish();
    const empty = await never({}, ({ rig }) => rig.apply(Cluster, cluster("app", [])));
    await empty.rig.finish();
  });

  test("while there is too much to do", async () => {
    const memory = { used: 0, residentBytes: () => memory.used, cgroup: () => undefined, shrink: () => {} };
    const compiled: CompiledOverload = {
      refreshMs: 10,
      monitors: [{ name: "m", kind: "heap", limit: 1000 }],
      actions: [{ name: "reject_incoming_connections", triggers: [{ monitor: 0, from: 0.9, full: 1 }] }],
      maxConnections: Number.POSITIVE_INFINITY,
    };
    const made = await scene({}, { overload: { compiled, memory } });
    await made.rig.client();
    memory.used = 950;
    await made.rig.advance(DIAL_AHEAD_AFTER_MS);
    expect(made.backend.connections).toHaveLength(0);
    await made.rig.finish();
  });

  test("before it is known whom the client speaks for; then in that one's name", async () => {
    const chains = [http, chain(denies("10.9.9.9"), tcpTo("app"))];
    const listenerFilters = [proxyProtocol, httpInspector];
    const typedConfig = pack(ProxyProtocolUpstreamTransport, {
      config: { version: "V1" },
      transportSocket: { name: "raw", typedConfig: pack(RawBuffer, {}) },
    });
    const options = {
      chains,
      listener: { listenerFilters },
      cluster: { transportSocket: { name: "proxy", typedConfig } },
    };
    const made = await never(options);
    const { rig, backend } = made;
    const from = (address: string): string =>
      Buffer.from(writeProxyHeader(1, { address, port: 4711 }, { address: "192.0.2.8", port: 8443 })).toString(
        "latin1",
      );
    const refused = await rig.client();
    refused.send(from("10.9.9.9"));
    await rig.turn();
    await rig.advance(DIAL_AHEAD_AFTER_MS);
    expect(backend.connections).toHaveLength(0);
    const client = await rig.client();
    client.send(from("192.0.2.7"));
    await rig.turn();
    await rig.advance(DIAL_AHEAD_AFTER_MS);
    expect(backend.last.text).toBe(from("192.0.2.7"));
    backend.last.send("220");
    await rig.turn();
    expect(client.text).toBe("220");
    await rig.finish();
  });
});

describe("a change of configuration after an endpoint was called", () => {
  test("of its cluster: the endpoint of now is called", async () => {
    const made = await scene();
    const { rig, backend } = made;
    const client = await silentClient(made);
    const other = await rig.backend();
    await rig.apply(Cluster, cluster("app", [other.port], { connectTimeout: 700 }));
    client.send("\0bytes");
    await rig.turn();
    expect([backend.last.text, backend.last.closed, other.last.text]).toEqual(["", true, "\0bytes"]);
    await rig.finish();
  });

  test("of its chain: where that leads now is called", async () => {
    const made = await scene();
    const { rig, backend } = made;
    const other = await rig.backend();
    await rig.apply(Cluster, cluster("other", [other.port]));
    const client = await silentClient(made);
    await rig.apply(Listener, listener([http, chain(tcpTo("other"))], detecting()));
    backend.last.send("220 from where it led before");
    await rig.turn();
    expect([client.text, backend.last.closed, other.connections.length]).toEqual(["", true, 1]);
    other.last.send("220");
    await rig.turn();
    expect(client.text).toBe("220");
    await rig.finish();
  });

  test("of its rules: whom they refuse now hears nothing", async () => {
    const made = await scene();
    const { rig, backend } = made;
    const client = await silentClient(made);
    await rig.apply(Listener, listener([http, chain(denies(LOOPBACK), tcpTo("app"))], detecting()));
    backend.last.send("220 secret");
    await rig.turn();
    expect([client.text, client.ended, backend.last.closed]).toEqual(["", true, true]);
    await rig.finish();
  });

  test("that takes its listener away: nothing passes any more", async () => {
    const made = await scene();
    const { rig, backend } = made;
    const client = await silentClient(made);
    await rig.remove(Listener, "in");
    backend.last.send("220");
    await rig.turn();
    expect([client.text, client.ended, backend.last.closed]).toEqual(["", true, true]);
    await rig.finish();
  });
});

test("a server name that leads to another cluster is not sent to the one that was called", async () => {
  const sni: NetworkFilter = { name: "sni", typedConfig: pack(SniCluster, {}) };
  const listenerFilters = [tlsInspector];
  const made = await scene({ chains: [chain(sni, tcpTo("app"))], listener: { listenerFilters } });
  const { rig, backend } = made;
  const named = await rig.backend();
  await rig.apply(Cluster, cluster("db.example.com", [named.port]));
  const client = await silentClient(made);
  client.send(await clientHello("db.example.com"));
  await rig.turn();
  expect([backend.last.text, backend.last.closed]).toEqual(["", true]);
  expect(named.last.text).toStartWith("\x16\x03");
  await rig.finish();
});

test("a client that no chain fits after all takes it along", async () => {
  const plain = { ...chain(tcpTo("app")), filterChainMatch: { transportProtocol: "raw_buffer" } };
  const made = await scene({ chains: [plain], listener: { listenerFilters: [tlsInspector] } });
  const { rig, backend } = made;
  const client = await silentClient(made);
  client.send(await clientHello("db.example.com"));
  await rig.turn();
  expect([backend.last.text, backend.open.length, client.closed]).toEqual(["", 0, true]);
  await rig.finish();
});

test("TLS that the same chain passes on untouched goes over the connection that is there", async () => {
  const made = await scene({ chains: [chain(tcpTo("app"))], listener: { listenerFilters: [tlsInspector] } });
  const { rig, backend } = made;
  const client = await silentClient(made);
  const hello = "\x16\x03\x01\0\x05\x01\0\0\x01\0";
  client.send(`${hello}not a hello`);
  await rig.turn();
  expect(backend.connections.map(({ text }) => text)).toEqual([`${hello}not a hello`]);
  await rig.finish();
});
