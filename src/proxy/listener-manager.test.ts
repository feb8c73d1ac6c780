import { expect, test } from "bun:test";
import {
  cluster,
  chain,
  edsCluster,
  httpListener,
  listener,
  LOOPBACK,
  manager,
  route,
  routes,
} from "../../tests/support/proxy-resources.ts";
import { TestCa } from "../../tests/support/certificates.ts";
import { ProxyRig } from "../../tests/support/proxy-rig.ts";
import { answer, bodyOf, GET, get, headerOf, OK, scene, statusOf } from "../../tests/support/proxy-scene.ts";
import type { ClientTls } from "../net/socket.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import type { TransportSocket } from "../xds/proto/core-base.ts";
import { TlsInspector } from "../xds/proto/listener-filters.ts";
import { type FilterChain, Listener } from "../xds/proto/listener.ts";
import { RouteConfiguration } from "../xds/proto/route.ts";
import { DownstreamTlsContext, Secret } from "../xds/proto/tls.ts";
import { pack } from "../xds/types/any.ts";

const rds = (name: string) => ({ rds: { routeConfigName: name, configSource: { ads: {} } } });
const says = (body: string) => ({
  match: { prefix: "/" },
  directResponse: { status: 200, body: { inlineString: body } },
});
const at = (portValue: number) => ({ address: { socketAddress: { address: LOOPBACK, portValue } } });

test("a listener waits for its routes, which may come first or last", async () => {
  const rig = new ProxyRig();
  await rig.apply(Listener, httpListener(rds("later")));
  expect(rig.proxy.listeners.allStarted).toBe(false);
  expect([...(rig.proxy.wanted().get(RouteConfiguration.typeUrl) ?? [])]).toEqual(["later"]);
  await rig.apply(RouteConfiguration, routes([says("here")], {}, { name: "later" }));
  expect(rig.proxy.listeners.allStarted).toBe(true);
  expect(bodyOf(await rig.exchange(await rig.client(), GET))).toBe("here");
  await rig.finish();
  const other = new ProxyRig();
  await other.apply(RouteConfiguration, routes([says("first")], {}, { name: "early" }));
  await other.apply(Listener, httpListener(rds("early")));
  expect(bodyOf(await other.exchange(await other.client(), GET))).toBe("first");
  await other.finish();
});

test("routes that change apply to the next request of an open connection; those that are wrong change nothing", async () => {
  const rig = new ProxyRig();
  await rig.apply(Listener, httpListener(rds("r")), httpListener(rds("r"), { name: "second" }));
  await rig.apply(RouteConfiguration, routes([says("one")], {}, { name: "r" }));
  const client = await rig.client();
  expect(bodyOf(await rig.exchange(client, GET))).toBe("one");
  await rig.apply(RouteConfiguration, routes([says("two")], {}, { name: "r" }));
  expect(bodyOf(await rig.exchange(client, GET))).toBe("two");
  const wrong = { match: { prefix: "/" }, route: { cluster: "x", retryPolicy: { retryOn: "5xx", retryBackOff: {} } } };
  const bad = {
    ...wrong,
    route: { ...wrong.route, retryPolicy: { retryOn: "5xx", retryBackOff: { baseInterval: 0 } } },
  };
  const [rejected] = await rig.offer(RouteConfiguration, routes([says("three"), bad], {}, { name: "r" }));
  expect(rejected?.reason).toContain("virtual_hosts[0].routes[1].route.retry_policy.retry_back_off.base_interval");
  expect(bodyOf(await rig.exchange(client, GET))).toBe("two");
  expect(bodyOf(await rig.exchange(await rig.client("second"), GET))).toBe("two");
  await rig.finish();
});

test("a request keeps the configuration that it began with", async () => {
  const { rig, backend } = await scene();
  const client = await rig.client();
  await rig.exchange(client, GET + get("/next"));
  await rig.apply(Listener, httpListener({ routeConfig: routes([says("changed")]), statPrefix: "renamed" }));
  backend.last.send(answer("unchanged"));
  await rig.turn();
  const [first, second] = client.take().split(/(?=HTTP\/1.1 \d)/) as [string, string];
  expect(bodyOf(first)).toBe("unchanged");
  expect(bodyOf(second)).toBe("changed");
  // It was counted in under the old name, and is counted out there.
  client.socket.destroy();
  await rig.turn();
  expect(rig.stat("http.renamed.downstream_cx_active")).toBe(0);
  await rig.finish();
});

test("a change that lacks its routes leaves what is live alone until they are there", async () => {
  const rig = new ProxyRig();
  await rig.apply(Listener, httpListener({ routeConfig: routes([says("old")]) }));
  const client = await rig.client();
  const extra: FilterChain = { ...chain(manager(rds("new"))), name: "new" };
  await rig.apply(Listener, listener([extra]));
  expect(bodyOf(await rig.exchange(client, GET))).toBe("old");
  expect(bodyOf(await rig.exchange(await rig.client(), GET))).toBe("old");
  expect([...(rig.proxy.wanted().get(RouteConfiguration.typeUrl) ?? [])]).toEqual(["new"]);
  await rig.apply(RouteConfiguration, routes([says("new")], {}, { name: "new" }));
  expect(bodyOf(await rig.exchange(await rig.client(), GET))).toBe("new");
  await rig.finish();
});

test("a wrong listener is refused with its field, and nothing of it is taken", async () => {
  const rig = new ProxyRig();
  await rig.apply(Listener, httpListener({ routeConfig: routes([says("good")]) }));
  const client = await rig.client();
  const badRetry = route("x", { retryPolicy: { retryOn: "5xx", retryBackOff: { baseInterval: 0 } } });
  const bad = listener([
    chain(manager({ routeConfig: routes([says("bad")]) })),
    { ...chain(manager({ routeConfig: routes([badRetry]) })), name: "b", filterChainMatch: { destinationPort: 1 } },
  ]);
  const [rejected] = await rig.offer(Listener, bad);
  expect(rejected?.name).toBe("in");
  expect(rejected?.reason).toContain("retry_back_off.base_interval");
  expect(bodyOf(await rig.exchange(client, GET))).toBe("good");
  expect(bodyOf(await rig.exchange(await rig.client(), GET))).toBe("good");
  const [empty] = await rig.offer(Listener, listener([]));
  expect(empty?.reason).toStartWith("filter_chains");
  await rig.finish();
});

test("a listener that is removed closes idle connections, finishes requests, and then those too", async () => {
  const { rig, backend } = await scene();
  const [idle, busy, partial] = [await rig.client(), await rig.client(), await rig.client()];
  backend.answer = () => OK;
  await rig.exchange(idle, GET);
  backend.answer = () => undefined;
  await rig.exchange(busy, GET + get("/never"));
  await rig.exchange(partial, "GET / HTTP/1.1\r\n");
  await rig.remove(Listener, "in");
  expect(idle.ended).toBe(true);
  expect(busy.ended).toBe(false);
  expect(rig.client()).rejects.toThrow("does not listen");
  backend.last.send(answer("last"));
  await rig.turn();
  expect(headerOf(busy.text, "connection")).toEqual(["close"]);
  expect(bodyOf(busy.take())).toBe("last");
  expect(busy.ended).toBe(true);
  // A head that had begun is served, and its connection closed.
  backend.answer = () => OK;
  expect(headerOf(await rig.exchange(partial, "Host: app\r\n\r\n"), "connection")).toEqual(["close"]);
  expect(partial.ended).toBe(true);
  await rig.finish();
});

test("what does not end after a listener was removed is ended", async () => {
  const { rig } = await scene();
  const endless = await rig.client();
  await rig.exchange(endless, GET);
  await rig.remove(Listener, "in");
  await rig.advance(40_000);
  expect(endless.closed).toBe(false);
  await rig.advance(10_000);
  expect(endless.closed).toBe(true);
  await rig.finish();
});

test("the drain of the whole proxy", async () => {
  const { rig, backend } = await scene();
  const [idle, busy] = [await rig.client(), await rig.client()];
  await rig.exchange(busy, GET);
  rig.proxy.drain();
  await rig.turn();
  expect(idle.ended).toBe(true);
  backend.last.send(OK);
  await rig.turn();
  expect(headerOf(busy.take(), "connection")).toEqual(["close"]);
  expect(busy.ended).toBe(true);
  await rig.finish();
});

test("a listener that moves: the old address serves until the new one does", async () => {
  const rig = new ProxyRig();
  await rig.apply(Listener, httpListener({ routeConfig: routes([says("old")]) }, at(7001)));
  const client = await rig.client();
  await rig.apply(Listener, httpListener(rds("new"), at(7002)));
  expect(rig.portOf("in")).toBe(7001);
  expect(bodyOf(await rig.exchange(client, GET))).toBe("old");
  await rig.apply(RouteConfiguration, routes([says("new")], {}, { name: "new" }));
  expect(rig.portOf("in")).toBe(7002);
  expect(client.ended).toBe(true);
  expect(bodyOf(await rig.exchange(await rig.client(), GET))).toBe("new");
  await rig.finish();
});

test("an address that is taken: the old one stays, and the reason is told", async () => {
  const rig = new ProxyRig();
  await rig.apply(Listener, httpListener({ routeConfig: routes([says("a")]) }, at(7001)));
  await rig.apply(Listener, httpListener({ routeConfig: routes([says("b")]) }, { name: "b", ...at(7002) }));
  await rig.apply(Listener, httpListener({ routeConfig: routes([says("a2")]) }, at(7002)));
  const failed = rig.proxy.start();
  await rig.turn();
  expect((await failed)[0]?.reason).toContain("EADDRINUSE");
  expect(bodyOf(await rig.exchange(await rig.client(), GET))).toBe("a");
  await rig.remove(Listener, "b");
  await rig.apply(Cluster, edsCluster("any"));
  expect(bodyOf(await rig.exchange(await rig.client(), GET))).toBe("a2");
  await rig.finish();
});

const ca = new TestCa("cluster.local", Date.UTC(2026, 0, 1));
const server = ca.svid("spiffe://cluster.local/ns/default/sa/app");
const caller = ca.svid("spiffe://cluster.local/ns/default/sa/caller");

const clientTls: ClientTls = {
  certChainPem: caller.certChainPem,
  privateKeyPem: caller.privateKeyPem,
  trustedCaPem: ca.bundlePem,
  sni: undefined,
  alpn: ["http/1.1"],
  refusePeer: () => undefined,
};

const sds = (name: string) => ({ name, sdsConfig: { ads: {} } });
const mutual: TransportSocket = {
  name: "tls",
  typedConfig: pack(DownstreamTlsContext, {
    requireClientCertificate: true,
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [sds("default")],
      validationContextSdsSecretConfig: sds("ROOTCA"),
    },
  }),
};
const inspector = [{ name: "tls_inspector", typedConfig: pack(TlsInspector, {}) }];

async function giveSecrets(rig: ProxyRig): Promise<void> {
  await rig.apply(
    Secret,
    { name: "ROOTCA", validationContext: { trustedCa: { inlineString: ca.bundlePem } } },
    {
      name: "default",
      tlsCertificate: {
        certificateChain: { inlineString: server.certChainPem },
        privateKey: { inlineString: server.privateKeyPem },
      },
    },
  );
}

const tlsChain = (body: string): FilterChain => ({
  ...chain(manager({ routeConfig: routes([says(body)]) })),
  transportSocket: mutual,
  filterChainMatch: { transportProtocol: "tls" },
});
const plainChain = (body: string): FilterChain => ({
  ...chain(manager({ routeConfig: routes([says(body)]) })),
  filterChainMatch: { transportProtocol: "raw_buffer" },
});

test("a listener waits for its certificates, and refuses plaintext where it is strict", async () => {
  const rig = new ProxyRig();
  await rig.apply(Listener, listener([tlsChain("tls")], { listenerFilters: inspector }));
  expect(rig.proxy.listeners.allStarted).toBe(false);
  await giveSecrets(rig);
  expect(rig.proxy.listeners.allStarted).toBe(true);
  expect(bodyOf(await rig.exchange(await rig.client("in", clientTls), GET))).toBe("tls");
  const plain = await rig.client();
  expect(await rig.exchange(plain, GET)).toBe("");
  expect(plain.closed).toBe(true);
  await rig.finish();
});

test("a drain of what is plain leaves what other proxies call, and one of what is inbound leaves the own calls", async () => {
  const rig = new ProxyRig();
  await giveSecrets(rig);
  const inbound = { trafficDirection: "INBOUND", listenerFilters: inspector } as const;
  await rig.apply(
    Listener,
    listener([tlsChain("strict")], { name: "strict", ...inbound }),
    listener([tlsChain("tls"), plainChain("plain")], { name: "permissive", ...inbound }),
    httpListener({ routeConfig: routes([says("out")]) }, { name: "out", trafficDirection: "OUTBOUND" }),
  );
  const left = (): string[] => rig.proxy.listeners.list().map(({ name }) => name);
  rig.proxy.drain("plain");
  expect(left()).toEqual(["strict", "out"]);
  rig.proxy.drain("inbound");
  expect(left()).toEqual(["out"]);
  rig.proxy.drain();
  expect(left()).toEqual([]);
  await rig.finish();
});

test("a secret of another kind than is meant stops nothing but its listener", async () => {
  const rig = new ProxyRig();
  await rig.apply(Listener, listener([tlsChain("tls")], { listenerFilters: inspector }));
  await rig.apply(Secret, { name: "default", validationContext: { trustedCa: { inlineString: ca.bundlePem } } });
  await rig.apply(Secret, { name: "ROOTCA", validationContext: { trustedCa: { inlineString: ca.bundlePem } } });
  expect(rig.proxy.listeners.allStarted).toBe(false);
  await giveSecrets(rig);
  expect(rig.proxy.listeners.allStarted).toBe(true);
  await rig.finish();
});

test("a certificate file that cannot be read refuses the listener", async () => {
  const rig = new ProxyRig();
  const file = { certificateChain: { filename: "/none.pem" }, privateKey: { filename: "/none.key" } };
  const typedConfig = pack(DownstreamTlsContext, { commonTlsContext: { tlsCertificates: [file] } });
  const [rejected] = await rig.offer(
    Listener,
    listener([{ ...plainChain("x"), transportSocket: { name: "tls", typedConfig } }]),
  );
  expect(rejected?.reason).toContain("filter_chains[0].transport_socket");
  expect(rejected?.reason).toContain("/none.pem");
  await rig.finish();
});

test("STRICT after PERMISSIVE: plaintext connections are drained, those with TLS go on", async () => {
  const rig = new ProxyRig();
  await giveSecrets(rig);
  await rig.apply(Listener, listener([tlsChain("tls"), plainChain("plain")], { listenerFilters: inspector }));
  const [plain, begun, secure] = [await rig.client(), await rig.client(), await rig.client("in", clientTls)];
  expect(bodyOf(await rig.exchange(plain, GET))).toBe("plain");
  await rig.exchange(begun, "GET / HTTP/1.1\r\n");
  expect(bodyOf(await rig.exchange(secure, GET))).toBe("tls");
  await rig.apply(Listener, listener([tlsChain("strict")], { listenerFilters: inspector }));
  expect(plain.ended).toBe(true);
  expect(bodyOf(await rig.exchange(secure, GET))).toBe("strict");
  expect(headerOf(await rig.exchange(begun, "Host: app\r\n\r\n"), "connection")).toEqual(["close"]);
  expect(begun.ended).toBe(true);
  const late = await rig.client();
  expect(await rig.exchange(late, GET)).toBe("");
  expect(late.closed).toBe(true);
  await rig.finish();
});

test("certificates from elsewhere, expired, or none are refused before a byte passes", async () => {
  const rig = new ProxyRig();
  await giveSecrets(rig);
  await rig.apply(Listener, listener([tlsChain("tls")], { listenerFilters: inspector }));
  const strangers = new TestCa("cluster.local", Date.UTC(2026, 0, 1));
  const wrong = [
    strangers.svid("spiffe://cluster.local/ns/default/sa/caller"),
    ca.expiredSvid("spiffe://cluster.local/ns/default/sa/caller"),
    { certChainPem: undefined, privateKeyPem: undefined },
  ];
  for (const { certChainPem, privateKeyPem } of wrong) {
    const tls = { ...clientTls, certChainPem, privateKeyPem };
    await rig.client("in", tls).then(
      async (client) => {
        expect(await rig.exchange(client, GET)).toBe("");
        expect(client.closed).toBe(true);
      },
      () => {},
    );
  }
  expect(rig.stat(`listener.127.0.0.1_0.ssl.connection_error`)).toBe(3);
  await rig.finish();
});

test("a client that says nothing is let go, or taken for plaintext where that is configured", async () => {
  const rig = new ProxyRig();
  const chains = [tlsChain("tls"), plainChain("plain")];
  await giveSecrets(rig);
  await rig.apply(Listener, listener(chains, { listenerFilters: inspector, listenerFiltersTimeout: 2000 }));
  const silent = await rig.client();
  await rig.advance(1900);
  expect(silent.closed).toBe(false);
  await rig.advance(200);
  expect(silent.ended).toBe(true);
  const over = { listenerFilters: inspector, listenerFiltersTimeout: 2000, continueOnListenerFiltersTimeout: true };
  await rig.apply(Listener, listener(chains, over));
  const waiting = await rig.client();
  await rig.advance(2100);
  expect(bodyOf(await rig.exchange(waiting, GET))).toBe("plain");
  await rig.finish();
});

test("a connection that has said nothing yet is not served by a listener that is gone", async () => {
  const rig = new ProxyRig();
  await rig.apply(Listener, listener([plainChain("plain")], { listenerFilters: inspector }));
  const client = await rig.client();
  await rig.remove(Listener, "in");
  expect(await rig.exchange(client, GET)).toBe("");
  expect(client.closed).toBe(true);
  await rig.finish();
});

test("a connection that no chain fits is closed", async () => {
  const rig = new ProxyRig();
  await rig.apply(Listener, listener([{ ...plainChain("x"), filterChainMatch: { destinationPort: 1 } }]));
  const client = await rig.client();
  await rig.exchange(client, GET);
  expect(client.ended).toBe(true);
  expect(rig.stat("listener.127.0.0.1_0.no_filter_chain_match")).toBe(1);
  await rig.finish();
});

test("a listener that comes again as it was keeps its connections and its state", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, GET);
  const before = rig.proxy.listeners.messages.get("in");
  await rig.apply(Listener, httpListener({ routeConfig: routes([route("app")]) }));
  expect(rig.proxy.listeners.messages.get("in")).toBe(before as never);
  expect(statusOf(await rig.exchange(client, GET))).toBe(200);
  await rig.finish();
});

test("resources of a type that is not known are refused", async () => {
  const rig = new ProxyRig();
  await rig.apply(Cluster, cluster("app", [1]));
  const rejected = rig.proxy.apply("type.googleapis.com/x.Y", [{ name: "n", any: pack(Secret, {}) }], []);
  expect(rejected[0]?.reason).toContain("x.Y");
  await rig.finish();
});
