/**
 * Listeners of datagrams, compiled: an address and the UDP proxy that serves it.
 *
 * Source: `envoy/config/listener/v3/listener.proto` and `udp_listener_config.proto`. QUIC is not here.
 *
 * @module
 */
import { UdpProxyConfig } from "../../xds/proto/filter-udp-proxy.ts";
import type { Listener } from "../../xds/proto/listener.ts";
import { isAny } from "../../xds/types/any.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";
import { type CompiledUdpProxy, compileUdpProxy, datagramLimit } from "./udp-proxy.ts";

export interface CompiledUdpListener {
  readonly name: string;
  readonly address: { readonly address: string; readonly port: number };
  /** Of its statistics. */
  readonly statPrefix: string;
  /** Of a client; what is larger is dropped. */
  readonly maxDatagramBytes: number;
  readonly trafficDirection: "UNSPECIFIED" | "INBOUND" | "OUTBOUND";
  readonly proxy: CompiledUdpProxy;
  /** Of the proxy's configuration, for errors. */
  readonly path: string;
}

const LISTENER = new Set([
  "name",
  "address",
  "listenerFilters",
  "udpListenerConfig",
  "metadata",
  "trafficDirection",
  "statPrefix",
  "bindToPort",
  "drainType",
  "enableReusePort",
]);
const UDP = new Set(["downstreamSocketConfig"]);
const FILTER = new Set(["name", "typedConfig"]);
const ANY_ADDRESS = /^(0\.0\.0\.0|::)$/;

/** @throws {CompileError} Naming the field that is wrong or not supported. */
export function compileUdpListener(listener: Listener): CompiledUdpListener {
  refuseOthers(listener, "", LISTENER, "a listener of UDP has listener_filters and udp_listener_config");
  if (listener.bindToPort === false) throw new CompileError("bind_to_port", "false is not supported yet");
  const { address, portValue } = listener.address?.socketAddress ?? {};
  if (address === undefined || portValue === undefined)
    throw new CompileError("address", "must hold socket_address with address and port_value");
  const { udpListenerConfig = {} } = listener;
  refuseOthers(udpListenerConfig, "udp_listener_config", UDP);
  const path = "listener_filters[0].typed_config";
  return {
    name: listener.name ?? "",
    address: { address, port: portValue },
    statPrefix: listener.statPrefix || `${address}:${portValue}`,
    maxDatagramBytes: datagramLimit(
      udpListenerConfig.downstreamSocketConfig,
      "udp_listener_config.downstream_socket_config",
    ),
    trafficDirection: listener.trafficDirection ?? "UNSPECIFIED",
    proxy: compileUdpProxy(proxyOf(listener, path), path, ANY_ADDRESS.test(address)),
    path,
  };
}

function proxyOf({ listenerFilters = [] }: Listener, path: string): UdpProxyConfig {
  const [filter, other] = listenerFilters;
  if (filter === undefined) throw new CompileError("listener_filters", "must hold a udp_proxy, found none");
  if (other !== undefined) throw new CompileError("listener_filters", "must hold a udp_proxy alone, found several");
  refuseOthers(filter, "listener_filters[0]", FILTER);
  const { name, typedConfig } = filter;
  if (typedConfig === undefined || !isAny(typedConfig, UdpProxyConfig))
    throw new CompileError("listener_filters[0]", `must be a udp_proxy, found ${typedConfig?.typeUrl ?? name}`);
  return unpackAt(typedConfig, UdpProxyConfig, path);
}
