import { describe, expect, test } from "bun:test";
import { CompileError } from "../compile-error.ts";
import type { FilterChainMatch } from "../../xds/proto/listener.ts";
import { type ConnectionFacts, compileChainMatch } from "./chain-match.ts";

const select = (matches: Record<string, FilterChainMatch>) =>
  compileChainMatch(
    Object.entries(matches).map(([name, match], i) => ({ match, chain: name, path: `filter_chains[${i}]` })),
  );

const connection = (facts: Partial<ConnectionFacts> = {}): ConnectionFacts => ({
  destinationPort: 8080,
  destinationAddress: "10.0.0.1",
  sni: "",
  transport: "raw_buffer",
  alpn: [],
  sourceAddress: "10.0.0.9",
  sourcePort: 40000,
  ...facts,
});

describe("filter chain match", () => {
  test("no match takes everything", () => {
    expect(select({ all: {} })(connection())).toBe("all");
    expect(select({})(connection())).toBeUndefined();
  });

  test("permissive mutual TLS: the transport decides", () => {
    const of = select({ tls: { transportProtocol: "tls" }, plain: { transportProtocol: "raw_buffer" } });
    expect(of(connection({ transport: "tls" }))).toBe("tls");
    expect(of(connection())).toBe("plain");
  });

  test("an offered protocol beats any protocol, the client's first choice first", () => {
    const of = select({
      mesh: { transportProtocol: "tls", applicationProtocols: ["istio", "istio-h2"] },
      h2: { transportProtocol: "tls", applicationProtocols: ["h2"] },
      tls: { transportProtocol: "tls" },
    });
    expect(of(connection({ transport: "tls", alpn: ["h2", "istio"] }))).toBe("h2");
    expect(of(connection({ transport: "tls", alpn: ["istio", "h2"] }))).toBe("mesh");
    expect(of(connection({ transport: "tls", alpn: ["http/1.1"] }))).toBe("tls");
    expect(of(connection())).toBeUndefined();
  });

  test("server names: exact, then the longest wildcard, then none", () => {
    const of = select({
      exact: { serverNames: ["www.Example.com"] },
      long: { serverNames: ["*.example.com"] },
      short: { serverNames: ["*.com"] },
      none: {},
    });
    expect(of(connection({ sni: "www.example.com" }))).toBe("exact");
    expect(of(connection({ sni: "a.b.example.com" }))).toBe("long");
    expect(of(connection({ sni: "example.com" }))).toBe("short");
    expect(of(connection({ sni: "com" }))).toBe("none");
    expect(of(connection({ sni: "example.org" }))).toBe("none");
    expect(of(connection())).toBe("none");
  });

  test("there is no way back from a specific value", () => {
    const of = select({ port: { destinationPort: 8080, transportProtocol: "tls" }, any: {} });
    expect(of(connection({ destinationPort: 9090 }))).toBe("any");
    expect(of(connection())).toBeUndefined();
  });

  test("the longest prefix wins, and IPv4 in IPv6 clothes is IPv4", () => {
    const of = select({
      net: { prefixRanges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }] },
      host: { prefixRanges: [{ addressPrefix: "10.0.0.1", prefixLen: 32 }] },
      six: { prefixRanges: [{ addressPrefix: "fd00::", prefixLen: 9 }] },
    });
    expect(of(connection())).toBe("host");
    expect(of(connection({ destinationAddress: "::ffff:10.0.0.2" }))).toBe("net");
    expect(of(connection({ destinationAddress: "fd7f::1" }))).toBe("six");
    expect(of(connection({ destinationAddress: "fd80::1" }))).toBeUndefined();
    expect(of(connection({ destinationAddress: "11.0.0.1" }))).toBeUndefined();
  });

  test("source: direct address, type, range, port", () => {
    const of = select({
      direct: { directSourcePrefixRanges: [{ addressPrefix: "192.0.2.1", prefixLen: 32 }] },
      local: { sourceType: "SAME_IP_OR_LOOPBACK" },
      port: { sourceType: "EXTERNAL", sourcePorts: [5, 6] },
      range: { sourceType: "EXTERNAL", sourcePrefixRanges: [{ addressPrefix: "10.9.0.0", prefixLen: 16 }] },
    });
    expect(of(connection({ directSourceAddress: "192.0.2.1" }))).toBe("direct");
    expect(of(connection({ sourceAddress: "127.0.0.5" }))).toBe("local");
    expect(of(connection({ sourceAddress: "::1" }))).toBe("local");
    expect(of(connection({ sourceAddress: "10.0.0.1" }))).toBe("local");
    expect(of(connection({ sourcePort: 6 }))).toBe("port");
    expect(of(connection({ sourceAddress: "10.9.1.1" }))).toBe("range");
    expect(of(connection())).toBeUndefined();
  });

  test("chains that take the same connections are refused", () => {
    expect(() => select({ a: { serverNames: ["a.b", "c.d"] }, b: { serverNames: ["C.D"] } })).toThrow(
      "filter_chains[1].filter_chain_match: takes connections that filter_chains[0] takes already",
    );
    expect(() => select({ a: {}, b: {} })).toThrow(CompileError);
    expect(() => select({ a: { serverNames: ["a.b"] }, b: {} })).not.toThrow();
  });

  test("values that cannot match are refused with their path", () => {
    const refused = (match: FilterChainMatch) => {
      try {
        select({ a: match });
      } catch (error) {
        return error instanceof CompileError ? error.path : "other";
      }
      return "accepted";
    };
    const match = "filter_chains[0].filter_chain_match";
    expect(refused({ serverNames: ["ok", "a*.com"] })).toBe(`${match}.server_names[1]`);
    expect(refused({ prefixRanges: [{ addressPrefix: "10.0.0" }] })).toBe(`${match}.prefix_ranges[0].address_prefix`);
    expect(refused({ sourcePrefixRanges: [{ addressPrefix: "10.0.0.0", prefixLen: 33 }] })).toBe(
      `${match}.source_prefix_ranges[0].prefix_len`,
    );
    expect(refused({ suffixLen: 3 } as FilterChainMatch)).toBe(`${match}.suffix_len`);
  });
});
