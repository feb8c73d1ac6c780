import { describe, expect, test } from "bun:test";
import type { FilterChainMatch, Listener, ListenerFilter } from "../../xds/proto/listener.ts";
import { HttpInspector, OriginalDst, ProxyProtocol, TlsInspector } from "../../xds/proto/listener-filters.ts";
import { pack } from "../../xds/types/any.ts";
import { CompileError } from "../compile-error.ts";
import { compileListenerFilters } from "./listener-filters.ts";

const tls: ListenerFilter = { name: "tls", typedConfig: pack(TlsInspector, {}) };
const http: ListenerFilter = { name: "http", typedConfig: pack(HttpInspector, {}) };
const dst: ListenerFilter = { name: "dst", typedConfig: pack(OriginalDst, {}) };
const proxy = (config: ProxyProtocol): ListenerFilter => ({ name: "proxy", typedConfig: pack(ProxyProtocol, config) });

const kinds = (listener: Listener): string[] => compileListenerFilters(listener).filters.map(({ kind }) => kind.t);
const matching = (...matches: FilterChainMatch[]): Listener => ({
  filterChains: matches.map((filterChainMatch) => ({ filterChainMatch })),
});

function refused(filter: ListenerFilter): string {
  try {
    compileListenerFilters({ listenerFilters: [filter] });
  } catch (error) {
    if (error instanceof CompileError) return error.path;
    throw error;
  }
  return "accepted";
}

describe("listener filters", () => {
  test("stand in their order; the original destination is what the connection says", () => {
    expect(kinds({ listenerFilters: [dst, proxy({}), tls, http] })).toEqual([
      "proxyProtocol",
      "tlsInspector",
      "httpInspector",
    ]);
  });

  test("whatever asks for TLS gets it looked for, once", () => {
    expect(kinds(matching({}))).toEqual([]);
    expect(kinds(matching({ transportProtocol: "tls" }))).toEqual(["tlsInspector"]);
    expect(kinds(matching({ serverNames: ["a.example"] }))).toEqual(["tlsInspector"]);
    expect(kinds(matching({ applicationProtocols: ["istio"] }))).toEqual(["tlsInspector"]);
    expect(kinds(matching({ transportProtocol: "raw_buffer", applicationProtocols: ["http/1.1"] }))).toEqual([]);
    expect(kinds({ ...matching({ transportProtocol: "tls" }), listenerFilters: [tls, http] })).toEqual([
      "tlsInspector",
      "httpInspector",
    ]);
    expect(kinds({ ...matching({ serverNames: ["a"] }), listenerFilters: [http] })).toEqual([
      "httpInspector",
      "tlsInspector",
    ]);
  });

  test("time: Envoy's 15 s, what is said, and an hour in place of for ever", () => {
    const timeoutMs = (listenerFiltersTimeout?: number) => compileListenerFilters({ listenerFiltersTimeout }).timeoutMs;
    expect([timeoutMs(), timeoutMs(5000), timeoutMs(0)]).toEqual([15_000, 5000, 3_600_000]);
  });

  test("the PROXY protocol's settings", () => {
    const kindOf = (config: ProxyProtocol) =>
      compileListenerFilters({ listenerFilters: [proxy(config)] }).filters[0]?.kind;
    expect(kindOf({})).toEqual({ t: "proxyProtocol", allowsNone: false, disallowedVersions: [] });
    expect(kindOf({ allowRequestsWithoutProxyProtocol: true, disallowedVersions: ["V1"] })).toEqual({
      t: "proxyProtocol",
      allowsNone: true,
      disallowedVersions: [1],
    });
  });

  test("may pass over connections by their port", () => {
    const disabled = (filterDisabled: NonNullable<ListenerFilter["filterDisabled"]>) => {
      const [filter] = compileListenerFilters({ listenerFilters: [{ ...http, filterDisabled }] }).filters;
      return [79, 80, 89, 90].filter((port) => filter?.isDisabled(port));
    };
    const destinationPortRange = { start: 80, end: 90 };
    const other = { destinationPortRange: { start: 79, end: 80 } };
    expect(disabled({ destinationPortRange })).toEqual([80, 89]);
    expect(disabled({ notMatch: { destinationPortRange } })).toEqual([79, 90]);
    expect(disabled({ orMatch: { rules: [{ destinationPortRange }, other] } })).toEqual([79, 80, 89]);
    expect(disabled({ andMatch: { rules: [{ destinationPortRange }, { notMatch: other }] } })).toEqual([80, 89]);
    expect(disabled({ anyMatch: true })).toEqual([79, 80, 89, 90]);
  });

  test("what is wrong or not supported is refused by its path", () => {
    const config = "listener_filters[0].typed_config";
    expect(refused({ name: "x" })).toBe("listener_filters[0]");
    expect(refused({ ...http, filterDisabled: {} })).toBe("listener_filters[0].filter_disabled");
    expect(refused({ ...http, filterDisabled: { notMatch: {} } })).toBe(
      "listener_filters[0].filter_disabled.not_match",
    );
    expect(refused(proxy({ rules: [{ tlvType: 1 }] }))).toBe(`${config}.rules`);
    expect(refused(proxy({ statPrefix: "x" }))).toBe(`${config}.stat_prefix`);
    expect(refused(proxy({ disallowedVersions: ["V1", "V2"] }))).toBe(`${config}.disallowed_versions`);
  });
});
