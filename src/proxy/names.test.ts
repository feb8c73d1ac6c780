/**
 * Clusters that call names: of a list, and those that requests give.
 */
import { describe, expect, test } from "bun:test";
import { answer, bodyOf, scene, statusOf } from "../../tests/support/proxy-scene.ts";
import { cluster } from "../../tests/support/proxy-resources.ts";
import { memoryNetwork, type RigOptions } from "../../tests/support/proxy-rig.ts";
import { ScriptedResolver } from "../../tests/support/scripted-resolver.ts";
import { clustersText } from "../admin/cluster-views.ts";
import { clusterViews } from "../app/sidecar/cluster-views.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { DynamicForwardProxyCluster } from "../xds/proto/dynamic-forward-proxy.ts";
import type { LbEndpoint } from "../xds/proto/endpoint.ts";
import { pack } from "../xds/types/any.ts";

const named = (address: string, portValue: number): LbEndpoint => ({
  endpoint: { address: { socketAddress: { address, portValue } } },
});
const asking = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

async function listed(over: Partial<Cluster>, names: readonly string[] = ["app.test"]) {
  const resolver = new ScriptedResolver();
  const { rig, backend } = await scene({ resolver, network: memoryNetwork });
  backend.answer = () => answer("ok");
  const lbEndpoints = names.map((name) => named(name, backend.port));
  const dns = cluster("app", [], {
    dnsLookupFamily: "V4_ONLY",
    loadAssignment: { endpoints: [{ lbEndpoints }] },
    ...over,
  });
  await rig.apply(Cluster, dns);
  const call = async (): Promise<number> => statusOf(await rig.exchange(await rig.client(), asking("app")));
  const addresses = (): readonly string[] =>
    rig.proxy.clusters.clusters.get("app")?.endpoints.all.map((it) => it.address) ?? [];
  return { rig, resolver, call, addresses, dns };
}

describe("STRICT_DNS", () => {
  test("every address of every name is an endpoint, from when all names have an answer", async () => {
    const { rig, resolver, call, addresses } = await listed({ type: "STRICT_DNS" }, ["app.test", "b.test", "10.0.0.9"]);
    expect(rig.proxy.clusters.areLookedUp).toBe(false);
    resolver.found("127.0.0.1", "127.0.0.2");
    expect(await call()).toBe(503);
    resolver.found("127.0.0.3");
    expect(rig.proxy.clusters.areLookedUp).toBe(true);
    expect(addresses()).toEqual(["10.0.0.9", "127.0.0.1", "127.0.0.2", "127.0.0.3"]);
  });

  test("calls go on with the last answer when a lookup fails, and follow the next one", async () => {
    const { rig, resolver, call, addresses } = await listed({ type: "STRICT_DNS", dnsRefreshRate: 1000 });
    resolver.found("127.0.0.1");
    expect(await call()).toBe(200);
    await rig.advance(1100);
    resolver.answer({ t: "failed", reason: "ESERVFAIL" });
    expect(await call()).toBe(200);
    const failures = rig.proxy.clusters.clusters.get("app")?.lookupFailures;
    expect([...(failures ?? [])]).toEqual([["app.test", "ESERVFAIL"]]);
    const told = [...clustersText(clusterViews(rig.proxy, () => false))].join("");
    expect(told).toContain("app::dns_lookup_failure::app.test ESERVFAIL\n");
    await rig.advance(1100);
    resolver.found("127.0.0.7");
    expect(addresses()).toEqual(["127.0.0.7"]);
  });

  test("a cluster that is replaced has the addresses at once, without another lookup", async () => {
    const { rig, resolver, call, dns } = await listed({ type: "STRICT_DNS" });
    resolver.found("127.0.0.1");
    await rig.apply(Cluster, { ...dns, connectTimeout: 2000 });
    expect(await call()).toBe(200);
    expect(resolver.total).toBe(1);
  });

  test("nor does it lack them when it is to look its names up more often", async () => {
    const { rig, resolver, call, dns, addresses } = await listed({ type: "STRICT_DNS" });
    resolver.found("127.0.0.1");
    await rig.apply(Cluster, { ...dns, dnsRefreshRate: 1000 });
    expect(await call()).toBe(200);
    resolver.found("127.0.0.7");
    expect(addresses()).toEqual(["127.0.0.7"]);
  });
});

test("LOGICAL_DNS calls the first address", async () => {
  const { resolver, call, addresses } = await listed({ type: "LOGICAL_DNS" });
  resolver.found("127.0.0.1", "127.0.0.2");
  expect(addresses()).toEqual(["127.0.0.1"]);
  expect(await call()).toBe(200);
});

describe("a dynamic forward proxy", () => {
  async function dynamic(
    cache: { maxHosts?: number; hostTtl?: number } = {},
    own: Pick<RigOptions, "ownAddresses" | "adminPort"> = {},
  ) {
    const resolver = new ScriptedResolver();
    const { rig, backend } = await scene({
      ...own,
      resolver,
      network: memoryNetwork,
      manager: { logFormat: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_HOST%\n" },
    });
    backend.answer = (text) => answer(/host: (\S+)/i.exec(text)?.[1] ?? "");
    const config = { dnsCacheConfig: { name: "any", dnsLookupFamily: "V4_ONLY" as const, ...cache } };
    await rig.apply(Cluster, {
      name: "app",
      connectTimeout: 1000,
      lbPolicy: "CLUSTER_PROVIDED",
      clusterType: {
        name: "envoy.clusters.dynamic_forward_proxy",
        typedConfig: pack(DynamicForwardProxyCluster, config),
      },
    });
    return { rig, backend, resolver };
  }

  test("a request waits for its host's address, and the next one does not", async () => {
    const { rig, backend, resolver } = await dynamic();
    const client = await rig.client();
    const host = `shop.test:${backend.port}`;
    expect(await rig.exchange(client, asking(host))).toBe("");
    resolver.found("127.0.0.1");
    await rig.turn();
    expect(bodyOf(client.take())).toBe(host);
    expect(bodyOf(await rig.exchange(await rig.client(), asking(host)))).toBe(host);
    expect(bodyOf(await rig.exchange(await rig.client(), asking(`127.0.0.1:${backend.port}`)))).toBe(
      `127.0.0.1:${backend.port}`,
    );
    expect(resolver.total).toBe(1);
    rig.proxy.close();
    expect(rig.log[0]).toEndWith(` 127.0.0.1:${backend.port}`);
  });

  test("a request that waits while its cluster is replaced gets its answer", async () => {
    const { rig, backend, resolver } = await dynamic();
    const client = await rig.client();
    const host = `late.test:${backend.port}`;
    await rig.exchange(client, asking(host));
    await rig.apply(Cluster, cluster("app", [backend.port]));
    resolver.found("127.0.0.1");
    await rig.turn();
    expect(bodyOf(client.take())).toBe(host);
    await rig.advance(1_000_000);
    expect(resolver.total).toBe(1);
  });

  test("a host without an address gets 503 with Envoy's words", async () => {
    const { rig, resolver } = await dynamic();
    const client = await rig.client();
    await rig.exchange(client, asking("no.test:1"));
    resolver.answer({ t: "none" });
    await rig.turn();
    const text = client.take();
    expect(statusOf(text)).toBe(503);
    expect(bodyOf(text)).toBe("DNS resolution failure");
    rig.proxy.close();
    expect(rig.log.at(-1)).toStartWith("503 DF dns_resolution_failure{cares_norecords:Domain_name_not_found} -");
  });

  test("its own listeners are not called: it would never end", async () => {
    const { rig, resolver } = await dynamic();
    const port = rig.portOf("in");
    for (const host of [`127.0.0.1:${port}`, `[::1]:${port}`, `192.0.2.1:${port}`])
      expect(statusOf(await rig.exchange(await rig.client(), asking(host)))).toBe(503);
    const client = await rig.client();
    await rig.exchange(client, asking(`me.test:${port}`));
    resolver.found("127.0.0.1");
    await rig.turn();
    expect(statusOf(client.take())).toBe(503);
  });

  test.each(["::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:0:0:1", "::ffff:0.0.0.0", "::ffff:192.0.2.1", "0::0"])(
    "nor by another spelling of their address: %s",
    async (address) => {
      const { rig, resolver } = await dynamic();
      const port = rig.portOf("in");
      await rig.exchange(await rig.client(), asking(`[${address}]:${port}`));
      await rig.exchange(await rig.client(), asking(`me.test:${port}`));
      resolver.found(address);
      await rig.turn();
      rig.proxy.close();
      for (const line of rig.log) expect(line).toStartWith("503 DF ");
      expect(rig.log).toHaveLength(2);
    },
  );

  test.each(["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "64:ff9b::192.0.2.7"])(
    "nor by another address of the machine: %s",
    async (address) => {
      const { rig, resolver } = await dynamic({}, { ownAddresses: () => ["192.0.2.7", "2001:0db8::7"] });
      const port = rig.portOf("in");
      await rig.exchange(
        await rig.client(),
        asking(address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`),
      );
      await rig.exchange(await rig.client(), asking(`me.test:${port}`));
      resolver.found(address);
      await rig.turn();
      rig.proxy.close();
      for (const line of rig.log) expect(line).toStartWith("503 DF ");
      expect(rig.log).toHaveLength(2);
    },
  );

  test("nor is its admin, whatever name leads there", async () => {
    const { rig, resolver } = await dynamic({}, { adminPort: 15_000 });
    await rig.exchange(await rig.client(), asking("127.0.0.1:15000"));
    await rig.exchange(await rig.client(), asking("me.test:15000"));
    resolver.found("127.0.0.1");
    await rig.turn();
    rig.proxy.close();
    for (const line of rig.log) expect(line).toStartWith("503 DF ");
    expect(rig.log).toHaveLength(2);
  });

  test.each([
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::169.254.169.254",
    "fe80::1",
    "fd00:0ec2::254",
  ])("a name that leads to the link-local address %s is not followed", async (address) => {
    const { rig, resolver } = await dynamic();
    await rig.exchange(await rig.client(), asking("rebound.test:80"));
    resolver.found(address);
    await rig.turn();
    rig.proxy.close();
    expect(rig.log[0]).toStartWith("503 DF ");
  });

  test("a name that leads to a link-local address is not followed", async () => {
    const { rig, backend, resolver } = await dynamic();
    const client = await rig.client();
    await rig.exchange(client, asking(`rebound.test:${backend.port}`));
    resolver.found("169.254.169.254");
    await rig.turn();
    expect(statusOf(client.take())).toBe(503);
  });

  test.each(["", "a b", "x:0", "x:70000", "..", `${"a".repeat(254)}.test`])(
    "what is no host is not called: %p",
    async (host) => {
      const { rig, resolver } = await dynamic();
      expect(statusOf(await rig.exchange(await rig.client(), asking(host)))).not.toBe(200);
      expect(resolver.total).toBe(0);
    },
  );

  test("hosts are limited in number, and forgotten when nobody calls them", async () => {
    const { rig, backend, resolver } = await dynamic({ maxHosts: 1, hostTtl: 5000 });
    const first = await rig.client();
    await rig.exchange(first, asking(`a.test:${backend.port}`));
    resolver.found("127.0.0.1");
    await rig.turn();
    expect(statusOf(first.take())).toBe(200);
    const refused = await rig.exchange(await rig.client(), asking(`b.test:${backend.port}`));
    expect(statusOf(refused)).toBe(503);
    for (const peer of backend.open) peer.socket.destroy();
    await rig.turn();
    for (let i = 0; i < 8; i++) await rig.advance(1000);
    const client = await rig.client();
    await rig.exchange(client, asking(`b.test:${backend.port}`));
    resolver.found("127.0.0.1");
    await rig.turn();
    expect(statusOf(client.take())).toBe(200);
  });
});
