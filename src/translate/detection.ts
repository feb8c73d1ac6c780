/**
 * How a listener finds out what a connection speaks, from its first bytes.
 *
 * Source: Istio's names of ALPN, by which proxies of a mesh tell each other what is inside of their TLS: `istio` for opaque bytes,
 * `istio-http/1.1` and `istio-h2` for HTTP. An application's own TLS has none of them.
 *
 * Differs: detection ends after 5 s by default, where Istio's has no end, so that an Envoy hears a server that speaks first.
 *
 * @module
 */
import type { Mesh } from "../model/mesh.ts";
import { HttpInspector, TlsInspector } from "../xds/proto/listener-filters.ts";
import type { Listener, ListenerFilter } from "../xds/proto/listener.ts";
import { pack } from "../xds/types/any.ts";

/** ALPN of opaque bytes between proxies of the mesh. */
export const MESH_TCP: readonly string[] = ["istio"];
/** ALPN of HTTP between proxies of the mesh, where the port itself does not say that it is HTTP. */
export const MESH_HTTP2 = "istio-h2";
export const MESH_HTTP: readonly string[] = ["istio-http/1.1", MESH_HTTP2, "istio-http/1.0"];
/** What the `http_inspector` calls HTTP in plain text. */
export const PLAIN_HTTP: readonly string[] = ["http/1.1", "h2c", "http/1.0"];

export const tlsInspector: ListenerFilter = {
  name: "envoy.filters.listener.tls_inspector",
  typedConfig: pack(TlsInspector, {}),
};

export const httpInspector: ListenerFilter = {
  name: "envoy.filters.listener.http_inspector",
  typedConfig: pack(HttpInspector, {}),
};

/** What looks, and how long it may wait for a client that is silent: after that the connection is taken for opaque bytes. */
export function detection(
  { settings }: Mesh,
  inspectors: readonly ListenerFilter[],
): Pick<Listener, "listenerFilters" | "listenerFiltersTimeout" | "continueOnListenerFiltersTimeout"> {
  if (inspectors.length === 0) return {};
  return {
    listenerFilters: inspectors,
    listenerFiltersTimeout: settings.protocolDetectionTimeoutMs,
    continueOnListenerFiltersTimeout: true,
  };
}
