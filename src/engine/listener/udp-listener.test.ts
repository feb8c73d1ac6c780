import { describe, expect, test } from "bun:test";
import { type UdpProxyConfig, UdpProxyConfig as UdpProxyType, UdpRoute } from "../../xds/proto/filter-udp-proxy.ts";
import type { Listener } from "../../xds/proto/listener.ts";
import { TlsInspector } from "../../xds/proto/listener-filters.ts";
import {
  DestinationIPInput,
  DestinationPortInput,
  type Matcher,
  type MatcherOnMatch,
  type MatcherPredicate,
  RuntimeFraction,
  SourceIPInput,
  SourcePortInput,
} from "../../xds/proto/xds-matcher.ts";
import { pack } from "../../xds/types/any.ts";
import type { MessageType } from "../../xds/types/message.ts";
import { CompileError } from "../compile-error.ts";
import { compileUdpListener } from "./udp-listener.ts";

const address = { socketAddress: { protocol: "UDP", address: "10.0.0.1", portValue: 53 } } as const;
const filter = (config: UdpProxyConfig) => ({ name: "udp", typedConfig: pack(UdpProxyType, config) });
const listener = (config: UdpProxyConfig, over: Partial<Listener> = {}): Listener => ({
  name: "dns",
  address,
  listenerFilters: [filter({ statPrefix: "s", ...config })],
  ...over,
});
const compiled = (config: UdpProxyConfig, over: Partial<Listener> = {}) => compileUdpListener(listener(config, over));
const facts = { sourceAddress: "10.1.2.3", sourcePort: 4000, destinationAddress: "10.0.0.1", destinationPort: 53 };

function refused(config: UdpProxyConfig, over: Partial<Listener> = {}): string {
  try {
    compiled(config, over);
  } catch (error) {
    if (error instanceof CompileError) return error.path;
    throw error;
  }
  return "accepted";
}

const typed = (type: MessageType<object>) => ({ name: "i", typedConfig: pack(type, {}) });
const to = (cluster: string): MatcherOnMatch => ({
  action: { name: "route", typedConfig: pack(UdpRoute, { cluster }) },
});
const when = (type: MessageType<object>, exact: string): MatcherPredicate => ({
  singlePredicate: { input: typed(type), valueMatch: { exact } },
});
const list = (...matchers: readonly (readonly [MatcherPredicate, string])[]): Matcher => ({
  matcherList: { matchers: matchers.map(([predicate, cluster]) => ({ predicate, onMatch: to(cluster) })) },
});
const chosen = (matcher: Matcher, over: Partial<typeof facts> = {}): string | undefined =>
  compiled({ matcher }).proxy.clusterFor({ ...facts, ...over });

test("defaults are Envoy's: a minute without a datagram, 1500 bytes", () => {
  const { maxDatagramBytes, proxy, statPrefix } = compiled({ cluster: "c" });
  expect({ maxDatagramBytes, statPrefix, idle: proxy.idleTimeoutMs, up: proxy.maxDatagramBytes }).toEqual({
    maxDatagramBytes: 1500,
    statPrefix: "10.0.0.1:53",
    idle: 60_000,
    up: 1500,
  });
  expect(proxy.clusterFor(facts)).toBe("c");
  const set = { maxRxDatagramSize: 9000, preferGro: true };
  const larger = compiled(
    { cluster: "c", upstreamSocketConfig: set },
    { udpListenerConfig: { downstreamSocketConfig: set } },
  );
  expect([larger.maxDatagramBytes, larger.proxy.maxDatagramBytes]).toEqual([9000, 9000]);
});

test("hashes: the client's address, or a key that is the same for all", () => {
  const hashOf = (policy: object) => compiled({ cluster: "c", hashPolicies: [policy] }).proxy.hashOf;
  expect(compiled({ cluster: "c" }).proxy.hashOf).toBeUndefined();
  expect(hashOf({ sourceIp: true })?.("10.0.0.1")).not.toBe(hashOf({ sourceIp: true })?.("10.0.0.2"));
  expect(hashOf({ key: "k" })?.("10.0.0.1")).toBe(hashOf({ key: "k" })?.("10.0.0.2"));
});

describe("a matcher", () => {
  test("takes the first of a list that matches, else on_no_match, else nothing", () => {
    const matcher = list([when(SourceIPInput, "10.1.2.3"), "ip"], [when(SourcePortInput, "4000"), "port"]);
    expect(chosen(matcher)).toBe("ip");
    expect(chosen(matcher, { sourceAddress: "10.9.9.9" })).toBe("port");
    expect(chosen(matcher, { sourceAddress: "10.9.9.9", sourcePort: 1 })).toBeUndefined();
    expect(chosen({ ...matcher, onNoMatch: to("rest") }, { sourceAddress: "a", sourcePort: 1 })).toBe("rest");
    expect(chosen(list([when(DestinationPortInput, "53"), "p"]))).toBe("p");
    expect(chosen(list([when(DestinationIPInput, "10.0.0.1"), "p"]))).toBe("p");
  });

  test("joins conditions by and, or and not", () => {
    const [ip, port] = [when(SourceIPInput, "10.1.2.3"), when(SourcePortInput, "1")];
    const by = (predicate: MatcherPredicate): boolean => chosen(list([predicate, "c"])) === "c";
    expect(by({ andMatcher: { predicate: [ip, port] } })).toBe(false);
    expect(by({ orMatcher: { predicate: [ip, port] } })).toBe(true);
    expect(by({ notMatcher: ip })).toBe(false);
    expect(by({ notMatcher: port })).toBe(true);
  });

  test("looks up a tree: exactly, or the longest prefix", () => {
    const tree = (how: "exactMatchMap" | "prefixMatchMap", map: Record<string, MatcherOnMatch>): Matcher => ({
      matcherTree: { input: typed(SourceIPInput), [how]: { map } },
      onNoMatch: to("rest"),
    });
    const exact = tree("exactMatchMap", { "10.1.2.3": to("it") });
    expect([chosen(exact), chosen(exact, { sourceAddress: "10.1.2.30" })]).toEqual(["it", "rest"]);
    const prefix = tree("prefixMatchMap", { "10.": to("ten"), "10.1.": to("closer") });
    expect([chosen(prefix), chosen(prefix, { sourceAddress: "10.2.0.1" })]).toEqual(["closer", "ten"]);
    expect(chosen(prefix, { sourceAddress: "192.0.2.1" })).toBe("rest");
    const nested = list([when(SourcePortInput, "4000"), "x"]);
    const inner: Matcher = {
      matcherList: { matchers: [{ ...nested.matcherList?.matchers?.[0], onMatch: { matcher: exact } }] },
    };
    expect(chosen(inner)).toBe("it");
  });

  // As an Envoy 1.40 chose: 33 of the ports of a run, told by the same hash.
  test("gives a fraction of the texts, by their hash", () => {
    const part = (numerator: number, seed: number): MatcherPredicate => ({
      singlePredicate: {
        input: typed(SourcePortInput),
        customMatch: {
          name: "f",
          typedConfig: pack(RuntimeFraction, {
            runtimeFraction: { defaultValue: { numerator, denominator: "MILLION" } },
            seed,
          }),
        },
      },
    });
    const share = (numerator: number, seed = 0): number => {
      const { clusterFor } = compiled({ matcher: list([part(numerator, seed), "a"]) }).proxy;
      let hits = 0;
      for (let sourcePort = 1; sourcePort <= 20_000; sourcePort++)
        if (clusterFor({ ...facts, sourcePort }) === "a") hits++;
      return hits / 20_000;
    };
    expect(share(700_000)).toBeCloseTo(0.7, 1);
    expect(share(0)).toBe(0);
    expect(share(1_000_000)).toBe(1);
    expect(chosen(list([part(700_000, 0), "a"]), { sourcePort: 1 })).toBe(
      Bun.hash.xxHash64("1", 0n) % 1_000_000n < 700_000n ? "a" : undefined,
    );
  });
});

test("what is wrong or not supported is refused by its path", () => {
  const at = "listener_filters[0].typed_config";
  const one = `${at}.matcher.matcher_list.matchers[0]`;
  const predicate = when(SourceIPInput, "a");
  const single = predicate.singlePredicate;
  const cases: readonly (readonly [UdpProxyConfig, string, Partial<Listener>?])[] = [
    [{}, at],
    [{ cluster: "c", statPrefix: "" }, `${at}.stat_prefix`],
    [{ cluster: "c", idleTimeout: 0 }, `${at}.idle_timeout`],
    [{ cluster: "c", useOriginalSrcIp: true }, `${at}.use_original_src_ip`],
    [{ cluster: "c", tunnelingConfig: {} }, `${at}.tunneling_config`],
    [{ cluster: "c", sessionFilters: [{}] }, `${at}.session_filters`],
    [{ cluster: "c", proxyAccessLog: [{}] }, `${at}.proxy_access_log`],
    [{ cluster: "c", accessLogOptions: {} }, `${at}.access_log_options`],
    [{ cluster: "c", hashPolicies: [{}] }, `${at}.hash_policies[0]`],
    [{ cluster: "c", hashPolicies: [{ key: "a" }, { key: "b" }] }, `${at}.hash_policies`],
    [
      { cluster: "c", upstreamSocketConfig: { maxRxDatagramSize: 65_536 } },
      `${at}.upstream_socket_config.max_rx_datagram_size`,
    ],
    [
      { matcher: { onNoMatch: { action: { name: "x", typedConfig: pack(TlsInspector, {}) } } } },
      `${at}.matcher.on_no_match.action.typed_config`,
    ],
    [{ matcher: { onNoMatch: to("") } }, `${at}.matcher.on_no_match.action.typed_config.cluster`],
    [{ matcher: { onNoMatch: { matcher: {} } } }, `${at}.matcher.on_no_match.matcher.on_no_match`],
    [{ matcher: list([{}, "c"]) }, `${one}.predicate`],
    [{ matcher: list([{ singlePredicate: { input: single?.input } }, "c"]) }, `${one}.predicate.single_predicate`],
    [
      { matcher: list([{ singlePredicate: { valueMatch: { exact: "a" } } }, "c"]) },
      `${one}.predicate.single_predicate.input`,
    ],
    [{ matcher: list([when(TlsInspector, "a"), "c"]) }, `${one}.predicate.single_predicate.input.typed_config`],
    [
      { matcher: list([{ singlePredicate: { input: single?.input, customMatch: { name: "x" } } }, "c"]) },
      `${one}.predicate.single_predicate.custom_match`,
    ],
    [{ matcher: { matcherTree: { input: single?.input } } }, `${at}.matcher.matcher_tree`],
    [
      { matcher: list([when(DestinationIPInput, "a"), "c"]) },
      `${one}.predicate.single_predicate.input.typed_config`,
      { address: { socketAddress: { ...address.socketAddress, address: "0.0.0.0" } } },
    ],
    [{ cluster: "c" }, "listener_filters", { listenerFilters: [] }],
    [{ cluster: "c" }, "listener_filters", { listenerFilters: [filter({}), filter({})] }],
    [{ cluster: "c" }, "listener_filters[0]", { listenerFilters: [{ typedConfig: pack(TlsInspector, {}) }] }],
    [{ cluster: "c" }, "filter_chains", { filterChains: [{}] }],
    [
      { cluster: "c" },
      "udp_listener_config.udp_packet_packet_writer_config",
      { udpListenerConfig: { udpPacketPacketWriterConfig: {} } },
    ],
    [{ cluster: "c" }, "address", { address: {} }],
    [{ cluster: "c" }, "bind_to_port", { bindToPort: false }],
  ];
  for (const [config, path, over] of cases) expect(refused(config, over), path).toBe(path);
});
