import { expect, test } from "bun:test";
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { TransportSocket } from "../../xds/proto/core-base.ts";
import { RawBuffer, UpstreamTlsContext } from "../../xds/proto/tls.ts";
import { ProxyProtocolUpstreamTransport } from "../../xds/proto/upstream-proxy-protocol.ts";
import { pack } from "../../xds/types/any.ts";
import { CompileError } from "../compile-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { compileTransport } from "./transport.ts";

const raw: TransportSocket = { name: "raw", typedConfig: pack(RawBuffer, {}) };
const tls: TransportSocket = {
  name: "tls",
  typedConfig: pack(UpstreamTlsContext, {
    sni: "a.example",
    commonTlsContext: { validationContext: { trustedCa: { filename: "ca.pem" } } },
  }),
};
const told = (config: ProxyProtocolUpstreamTransport): TransportSocket => ({
  name: "proxy",
  typedConfig: pack(ProxyProtocolUpstreamTransport, config),
});
const endpoint = (labels: Record<string, string> = {}): Endpoint =>
  ({ metadata: { filterMetadata: { "envoy.transport_socket_match": labels } } }) as unknown as Endpoint;

function of(cluster: Cluster, labels?: Record<string, string>) {
  const transport = compileTransport(cluster);
  const at = endpoint(labels);
  return [transport.proxyProtocolOf(at), transport.tlsOf(at)?.sni, transport.usesProxyProtocol];
}

test("a PROXY header goes before what it wraps", () => {
  expect(of({})).toEqual([undefined, undefined, false]);
  expect(of({ transportSocket: tls })).toEqual([undefined, "a.example", false]);
  expect(of({ transportSocket: told({ transportSocket: raw }) })).toEqual([1, undefined, true]);
  expect(of({ transportSocket: told({ config: { version: "V2" }, transportSocket: tls }) })).toEqual([
    2,
    "a.example",
    true,
  ]);
});

test("endpoints are told apart by their labels", () => {
  const cluster: Cluster = {
    transportSocket: raw,
    transportSocketMatches: [
      {
        name: "told",
        match: { told: "yes" },
        transportSocket: told({ config: { version: "V2" }, transportSocket: tls }),
      },
    ],
  };
  expect(of(cluster, { told: "yes" })).toEqual([2, "a.example", true]);
  expect(of(cluster)).toEqual([undefined, undefined, true]);
});

test("what is wrong or not supported is refused by its path", () => {
  const path = (config: ProxyProtocolUpstreamTransport): string => {
    try {
      compileTransport({ transportSocket: told(config) });
    } catch (error) {
      if (error instanceof CompileError) return error.path;
      throw error;
    }
    return "accepted";
  };
  const at = "transport_socket.typed_config";
  expect(path({})).toBe(`${at}.transport_socket`);
  expect(path({ transportSocket: { name: "tls" } })).toBe(`${at}.transport_socket.typed_config`);
  expect(path({ config: { passThroughTlvs: {} }, transportSocket: raw })).toBe(`${at}.config.pass_through_tlvs`);
});
