import { describe, expect, test } from "bun:test";
import { service, stateOf, workload } from "../../tests/support/mesh.ts";
import { type ConnectionFacts, compileChainMatch } from "../engine/listener/chain-match.ts";
import { HttpConnectionManager } from "../xds/proto/http-connection-manager.ts";
import type { FilterChain, Listener } from "../xds/proto/listener.ts";
import { isAny } from "../xds/types/any.ts";
import { defaultTranslateOptions as options } from "./options.ts";
import { translate } from "./translate.ts";

const documents = [
  service("s", ["any:5000", "tcp-a:5001", "http-a:5002", "grpc-a:5003"]),
  workload("s", "v1", [5000, 5001, 5002, 5003, 5004]),
];

/** The inbound listeners in the order of the ports; 5004 is named by nobody. */
function listeners(mode: string): readonly Listener[] {
  const mtls = `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: p, namespace: istio-system}, spec: {mtls: {mode: ${mode}}}}`;
  return translate(stateOf(...documents, mtls), { t: "sidecar", instance: "s-v1-0" }, options).listeners;
}

/** Which chain the engine chooses: what serves it, and whether it ends TLS. */
function chosen(mode: string, position: number, transport: "tls" | "raw_buffer", ...alpn: string[]): string {
  const chains = listeners(mode)[position]?.filterChains ?? [];
  const match = compileChainMatch(
    chains.map((chain, i) => ({ chain, match: chain.filterChainMatch, path: `filter_chains[${i}]` })),
  );
  const facts: ConnectionFacts = {
    destinationPort: 1,
    destinationAddress: "127.0.0.1",
    sni: "",
    transport,
    alpn,
    sourceAddress: "127.0.0.1",
    sourcePort: 1,
  };
  return describeChain(match(facts));
}

function describeChain(chain: FilterChain | undefined): string {
  if (chain === undefined) return "none";
  const last = chain.filters?.at(-1)?.typedConfig;
  const served = last !== undefined && isAny(last, HttpConnectionManager) ? "http" : "tcp";
  return `${served} ${chain.transportSocket === undefined ? "plain" : "mtls"}`;
}

describe.each([
  ["a port of unknown protocol", 0],
  ["a port that nobody names", 4],
])("%s", (_, position) => {
  test.each([
    ["STRICT", "tls", ["istio-http/1.1", "istio-h2"], "http mtls"],
    ["STRICT", "tls", ["istio-h2", "istio", "h2"], "http mtls"],
    ["STRICT", "tls", ["h2"], "http mtls"],
    ["STRICT", "tls", ["istio"], "tcp mtls"],
    ["STRICT", "tls", [], "tcp mtls"],
    ["STRICT", "raw_buffer", [], "tcp mtls"],
    ["PERMISSIVE", "tls", ["istio-http/1.1"], "http mtls"],
    ["PERMISSIVE", "tls", ["istio"], "tcp mtls"],
    ["PERMISSIVE", "tls", ["h2", "http/1.1"], "tcp plain"],
    ["PERMISSIVE", "tls", [], "tcp plain"],
    ["PERMISSIVE", "raw_buffer", ["http/1.1"], "http plain"],
    ["PERMISSIVE", "raw_buffer", ["h2c"], "http plain"],
    ["PERMISSIVE", "raw_buffer", [], "tcp plain"],
    ["DISABLE", "raw_buffer", ["http/1.0"], "http plain"],
    ["DISABLE", "raw_buffer", [], "tcp plain"],
  ] as const)("%s: %s with ALPN %p is %s", (mode, transport, alpn, expected) => {
    expect(chosen(mode, position, transport, ...alpn)).toBe(expected);
  });

  test("is looked at only for what chooses the chain, for a bounded time", () => {
    const inspectors = (mode: string): unknown =>
      listeners(mode)[position]?.listenerFilters?.map((f) => f.name?.split(".").at(-1));
    expect(inspectors("STRICT")).toEqual(["tls_inspector"]);
    expect(inspectors("PERMISSIVE")).toEqual(["tls_inspector", "http_inspector"]);
    expect(inspectors("DISABLE")).toEqual(["http_inspector"]);
    for (const mode of ["STRICT", "PERMISSIVE", "DISABLE"])
      expect(listeners(mode)[position]).toMatchObject({
        listenerFiltersTimeout: 5000,
        continueOnListenerFiltersTimeout: true,
      });
  });
});

describe("a port that says what it speaks", () => {
  test.each([
    ["STRICT", 1, "tls", ["istio"], "tcp mtls"],
    ["PERMISSIVE", 1, "tls", ["istio"], "tcp mtls"],
    ["PERMISSIVE", 1, "tls", ["h2"], "tcp plain"],
    ["PERMISSIVE", 1, "raw_buffer", [], "tcp plain"],
    ["STRICT", 2, "tls", ["http/1.1"], "http mtls"],
    ["PERMISSIVE", 2, "tls", ["anything"], "http mtls"],
    ["PERMISSIVE", 3, "raw_buffer", [], "http plain"],
    ["DISABLE", 3, "raw_buffer", [], "http plain"],
  ] as const)("%s, port %d: %s with ALPN %p is %s", (mode, position, transport, alpn, expected) => {
    expect(chosen(mode, position, transport, ...alpn)).toBe(expected);
  });

  test("waits for a silent client of TCP for a bounded time, and where nothing has to be known not at all", () => {
    expect(listeners("PERMISSIVE")[1]?.listenerFiltersTimeout).toBe(5000);
    expect(listeners("STRICT")[1]?.listenerFilters).toBeUndefined();
    expect(listeners("DISABLE")[1]?.listenerFilters).toBeUndefined();
  });
});
