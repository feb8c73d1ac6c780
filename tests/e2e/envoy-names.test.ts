/**
 * Names of endpoints (STRICT_DNS, LOGICAL_DNS, a dynamic forward proxy): a real Envoy and our proxy from one bootstrap ask one name server, and
 * what becomes of calls is the same, while names change, fail and go.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/net/free-ports.ts";
import { Bootstrap } from "../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../src/xds/proto/cluster.ts";
import { CaresDnsResolverConfig } from "../../src/xds/proto/dns-resolver.ts";
import {
  type DnsCacheConfig,
  DynamicForwardProxyCluster,
  DynamicForwardProxyFilter,
} from "../../src/xds/proto/dynamic-forward-proxy.ts";
import type { LbEndpoint } from "../../src/xds/proto/endpoint.ts";
import { pack } from "../../src/xds/types/any.ts";
import { toJson } from "../../src/xds/types/codec.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { NameServer } from "../support/name-server.ts";
import { httpListener, route, routes } from "../support/proxy-resources.ts";
import { type Answer, call } from "./support/call.ts";
import { eventually } from "./support/eventually.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "./support/proxy-process.ts";

const binary = await ensureEnvoy();
const folder = mkdtempSync(join(tmpdir(), "tulle-names-"));
const names = await NameServer.start({
  "strict.test A": { ttlS: 1, addresses: ["127.1.0.1", "127.1.0.2"] },
  "logical.test A": { ttlS: 1, addresses: ["127.1.0.1"] },
  "any.test A": { ttlS: 1, addresses: ["127.1.0.3"] },
});

/** Answers with the address that it was called at. */
const server = Bun.listen({
  hostname: "0.0.0.0",
  port: 0,
  socket: {
    data(socket) {
      const { localAddress } = socket;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${localAddress.length}\r\n\r\n${localAddress}`);
    },
  },
});

const at = (address: string): LbEndpoint => ({
  endpoint: { address: { socketAddress: { address, portValue: server.port } } },
});
const listed = (name: string, type: "STRICT_DNS" | "LOGICAL_DNS", address: string): Cluster => ({
  name,
  type,
  connectTimeout: 1000,
  dnsLookupFamily: "V4_ONLY",
  respectDnsTtl: true,
  dnsRefreshRate: 500,
  dnsFailureRefreshRate: { baseInterval: 100, maxInterval: 200 },
  loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: [at(address)] }] },
});
const dnsCacheConfig: DnsCacheConfig = {
  name: "any",
  dnsLookupFamily: "V4_ONLY",
  dnsFailureRefreshRate: { baseInterval: 100, maxInterval: 200 },
};
const dynamic: Cluster = {
  name: "dynamic",
  connectTimeout: 1000,
  lbPolicy: "CLUSTER_PROVIDED",
  clusterType: {
    name: "envoy.clusters.dynamic_forward_proxy",
    typedConfig: pack(DynamicForwardProxyCluster, { dnsCacheConfig }),
  },
};
const filter = {
  name: "envoy.filters.http.dynamic_forward_proxy",
  typedConfig: pack(DynamicForwardProxyFilter, { dnsCacheConfig }),
};
const routeConfig = routes([
  route("strict", {}, { match: { prefix: "/strict" } }),
  route("logical", {}, { match: { prefix: "/logical" } }),
  route("dynamic"),
]);

async function start(program: readonly string[], name: string): Promise<{ process: ProxyProcess; port: number }> {
  let port = 0;
  const process = await ProxyProcess.start(program, join(folder, name), () => {
    const [own = 0, admin = 0] = freePorts(2);
    port = own;
    const resolver: CaresDnsResolverConfig = {
      resolvers: [{ socketAddress: { address: "127.0.0.1", portValue: names.port } }],
      dnsResolverOptions: { noDefaultSearchDomain: true },
    };
    const listener = httpListener({ routeConfig, filters: [filter] });
    const bootstrap: Bootstrap = {
      node: { id: "test", cluster: "test" },
      admin: { address: { socketAddress: { address: "127.0.0.1", portValue: admin } } },
      typedDnsResolverConfig: {
        name: "envoy.network.dns_resolver.cares",
        typedConfig: pack(CaresDnsResolverConfig, resolver),
      },
      staticResources: {
        listeners: [{ ...listener, address: { socketAddress: { address: "127.0.0.1", portValue: port } } }],
        clusters: [
          listed("strict", "STRICT_DNS", "strict.test"),
          listed("logical", "LOGICAL_DNS", "logical.test"),
          dynamic,
        ],
      },
    };
    return [JSON.stringify(toJson(Bootstrap, bootstrap)), admin];
  });
  return { process, port };
}

describe.skipIf(binary === undefined)("names of endpoints: a real Envoy and our proxy do the same", () => {
  const proxies: { process: ProxyProcess; port: number }[] = [];
  beforeAll(async () => {
    proxies.push(await start(tulleProxy, "tulle"), await start(envoyProxy(binary ?? ""), "envoy"));
  }, 40_000);
  afterAll(async () => {
    for (const { process } of proxies) await process.stop();
    server.stop(true);
    names.stop();
    rmSync(folder, { recursive: true });
  }, 20_000);

  const ask = (port: number, path: string, host = "x"): Promise<Answer> =>
    call(`http://127.0.0.1:${port}${path}`, { headers: { host } });
  const told = async (path: string, host?: string): Promise<readonly string[]> => {
    const answers: string[] = [];
    for (const { port } of proxies) {
      const { status, body } = await ask(port, path, host);
      answers.push(`${status} ${body}`);
    }
    return answers;
  };
  /** Until both say one of `wanted`, and nothing else is left of what they say. */
  const become = (path: string, wanted: string, host?: string): Promise<unknown> =>
    eventually(`${path} is ${wanted}`, async () => (await told(path, host)).every((it) => it === wanted), 8000);

  test("every address of STRICT_DNS is called", async () => {
    for (const { port } of proxies) {
      const found = new Set<string>();
      for (let i = 0; i < 20; i++) found.add((await ask(port, "/strict")).body);
      expect([...found].sort()).toEqual(["127.1.0.1", "127.1.0.2"]);
    }
  });

  test("LOGICAL_DNS and a request's own host", async () => {
    expect(await told("/logical")).toEqual(["200 127.1.0.1", "200 127.1.0.1"]);
    expect(await told("/", `any.test:${server.port}`)).toEqual(["200 127.1.0.3", "200 127.1.0.3"]);
    expect(await told("/", `127.1.0.9:${server.port}`)).toEqual(["200 127.1.0.9", "200 127.1.0.9"]);
  });

  test("a host that does not exist", async () => {
    expect(await told("/", "nobody.test:1")).toEqual(["503 DNS resolution failure", "503 DNS resolution failure"]);
  });

  test("a name that changes is followed when its records have had their time", async () => {
    names.table["strict.test A"] = { ttlS: 1, addresses: ["127.1.0.4"] };
    await become("/strict", "200 127.1.0.4");
  }, 20_000);

  test("while nobody can say, the last addresses are called", async () => {
    names.table["strict.test A"] = "SERVFAIL";
    const before = names.asked.filter((it) => it === "strict.test A").length;
    await eventually(
      "both have asked",
      () => names.asked.filter((it) => it === "strict.test A").length >= before + 8,
      8000,
    );
    expect(await told("/strict")).toEqual(["200 127.1.0.4", "200 127.1.0.4"]);
    names.table["strict.test A"] = { ttlS: 1, addresses: ["127.1.0.5"] };
    await become("/strict", "200 127.1.0.5");
  }, 20_000);

  test("a name that goes leaves its cluster without endpoints", async () => {
    delete names.table["strict.test A"];
    await become("/strict", "503 no healthy upstream");
  }, 20_000);
});
