import { expect, test } from "bun:test";
import { bootstrapFromValue, parseBootstrap } from "./bootstrap.ts";
import { Bootstrap } from "./proto/bootstrap.ts";
import { HttpConnectionManager } from "./proto/http-connection-manager.ts";
import { UpstreamTlsContext } from "./proto/tls.ts";
import { unpack } from "./types/any.ts";
import { toJson } from "./types/codec.ts";

const type = (name: string): string => `type.googleapis.com/envoy.extensions.${name}`;
const address = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });

function sample() {
  return {
    node: { id: "sidecar~10.0.0.1~a.b~b", cluster: "a", metadata: { NAMESPACE: "b" } },
    admin: { address: address(15000) },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds" }, timeout: "1.500s" }],
      },
      cds_config: { ads: {}, resource_api_version: "V3" },
      lds_config: { ads: {}, initial_fetch_timeout: "0s" },
    },
    static_resources: {
      listeners: [
        {
          name: "l",
          address: address(9010),
          filter_chains: [
            {
              filters: [
                {
                  name: "hcm",
                  typed_config: {
                    "@type": type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
                    stat_prefix: "x",
                    codec_type: "HTTP2",
                    http_filters: [
                      { name: "router", typed_config: { "@type": type("filters.http.router.v3.Router") } },
                    ],
                    route_config: {
                      virtual_hosts: [
                        { name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "s" } }] },
                      ],
                    },
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: "s",
          type: "STATIC",
          connect_timeout: "5s",
          transport_socket: {
            name: "tls",
            typed_config: {
              "@type": type("transport_sockets.tls.v3.UpstreamTlsContext"),
              sni: "localhost",
              common_tls_context: { tls_certificates: [{ private_key: { filename: "k.pem" } }] },
            },
          },
        },
      ],
    },
  };
}

test("a bootstrap is read down to its filters, and printed again", () => {
  const bootstrap = parseBootstrap(JSON.stringify(sample()), "b.json");
  expect(bootstrap.admin?.address?.socketAddress?.portValue).toBe(15000);
  expect(bootstrap.dynamicResources?.adsConfig?.grpcServices?.[0]?.timeout).toBe(1500);
  const filter = bootstrap.staticResources?.listeners?.[0]?.filterChains?.[0]?.filters?.[0]?.typedConfig;
  const manager = filter && unpack(filter, HttpConnectionManager);
  expect(manager?.codecType).toBe("HTTP2");
  expect(manager?.routeConfig?.virtualHosts?.[0]?.routes?.[0]?.route?.cluster).toBe("s");
  const socket = bootstrap.staticResources?.clusters?.[0]?.transportSocket?.typedConfig;
  expect(socket && unpack(socket, UpstreamTlsContext).sni).toBe("localhost");
  expect(toJson(Bootstrap, bootstrap)).toEqual(sample());
});

test("an unknown field is named with the file and its full path", () => {
  const value = sample();
  Object.assign(value.static_resources.listeners[0]?.filter_chains[0] ?? {}, { foo: 1 });
  expect(() => bootstrapFromValue(value, "b.yaml")).toThrow(
    /^b\.yaml: static_resources\.listeners\[0\]\.filter_chains\[0\]\.foo: unknown field of envoy\.config\.listener\.v3\.FilterChain; known fields are filter_chain_match,/,
  );
});

test("an unknown field of a filter, too", () => {
  const value = sample();
  Object.assign(value.static_resources.listeners[0]?.filter_chains[0]?.filters[0]?.typed_config ?? {}, { codec: 1 });
  expect(() => bootstrapFromValue(value, "b.yaml")).toThrow(
    "b.yaml: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.codec: unknown field",
  );
});

test("a file that is not JSON, or not an object", () => {
  expect(() => parseBootstrap("{", "b.json")).toThrow(/^b\.json: not JSON: /);
  expect(() => parseBootstrap("[]", "b.json")).toThrow(
    "b.json: expected an object (envoy.config.bootstrap.v3.Bootstrap)",
  );
});

test("an inline private key does not reach a dump", () => {
  const value = {
    static_resources: {
      secrets: [
        {
          name: "s",
          tls_certificate: { private_key: { inline_string: "SECRET" }, certificate_chain: { inline_string: "c" } },
        },
      ],
    },
  };
  const printed = JSON.stringify(toJson(Bootstrap, bootstrapFromValue(value, "b.yaml")));
  expect(printed).not.toContain("SECRET");
  expect(printed).toContain('"certificate_chain":{"inline_string":"c"}');
});
