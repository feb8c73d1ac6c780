/**
 * `envoy.config.core.v3`: addresses and socket options.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, bytes, int64, string, uint32, uint32Value, uint64Value } from "../types/scalars.ts";
import { TypedExtensionConfig } from "./core-base.ts";

export const Pipe = message("envoy.config.core.v3.Pipe", {
  path: string(1),
  mode: uint32(2),
});
export type Pipe = Infer<typeof Pipe>;

export const EnvoyInternalAddress = message("envoy.config.core.v3.EnvoyInternalAddress", {
  ...oneof("address_name_specifier", {
    serverListenerName: string(1),
  }),
  endpointId: string(2),
});
export type EnvoyInternalAddress = Infer<typeof EnvoyInternalAddress>;

export const SocketAddressProtocol = enumeration("envoy.config.core.v3.SocketAddress.Protocol", { TCP: 0, UDP: 1 });
export type SocketAddressProtocol = Infer<typeof SocketAddressProtocol>;

export const SocketAddress = message("envoy.config.core.v3.SocketAddress", {
  protocol: of(1, SocketAddressProtocol),
  address: string(2),
  ...oneof("port_specifier", {
    portValue: uint32(3),
    namedPort: string(4),
  }),
  resolverName: string(5),
  ipv4Compat: bool(6),
});
export type SocketAddress = Infer<typeof SocketAddress>;

export const TcpKeepalive = message("envoy.config.core.v3.TcpKeepalive", {
  keepaliveProbes: uint32Value(1),
  keepaliveTime: uint32Value(2),
  keepaliveInterval: uint32Value(3),
});
export type TcpKeepalive = Infer<typeof TcpKeepalive>;

export const SocketOptionSocketState = enumeration("envoy.config.core.v3.SocketOption.SocketState", {
  STATE_PREBIND: 0,
  STATE_BOUND: 1,
  STATE_LISTENING: 2,
});
export type SocketOptionSocketState = Infer<typeof SocketOptionSocketState>;

export const SocketOption = message("envoy.config.core.v3.SocketOption", {
  description: string(1),
  level: int64(2),
  name: int64(3),
  ...oneof("value", {
    intValue: int64(4),
    bufValue: bytes(5),
  }),
  state: of(6, SocketOptionSocketState),
});
export type SocketOption = Infer<typeof SocketOption>;

export const SocketOptionsOverride = message("envoy.config.core.v3.SocketOptionsOverride", {
  socketOptions: repeated(of(1, SocketOption)),
});
export type SocketOptionsOverride = Infer<typeof SocketOptionsOverride>;

export const ExtraSourceAddress = message("envoy.config.core.v3.ExtraSourceAddress", {
  address: of(1, SocketAddress),
  socketOptions: of(2, SocketOptionsOverride),
});
export type ExtraSourceAddress = Infer<typeof ExtraSourceAddress>;

export const BindConfig = message("envoy.config.core.v3.BindConfig", {
  sourceAddress: of(1, SocketAddress),
  freebind: boolValue(2),
  socketOptions: repeated(of(3, SocketOption)),
  extraSourceAddresses: repeated(of(5, ExtraSourceAddress)),
  localAddressSelector: of(6, TypedExtensionConfig),
});
export type BindConfig = Infer<typeof BindConfig>;

export const Address = message("envoy.config.core.v3.Address", {
  ...oneof("address", {
    socketAddress: of(1, SocketAddress),
    pipe: of(2, Pipe),
    envoyInternalAddress: of(3, EnvoyInternalAddress),
  }),
});
export type Address = Infer<typeof Address>;

export const CidrRange = message("envoy.config.core.v3.CidrRange", {
  addressPrefix: string(1),
  prefixLen: uint32Value(2),
});
export type CidrRange = Infer<typeof CidrRange>;

/** How large a datagram may be: what is larger is dropped. */
export const UdpSocketConfig = message("envoy.config.core.v3.UdpSocketConfig", {
  maxRxDatagramSize: uint64Value(1),
  preferGro: boolValue(2),
});
export type UdpSocketConfig = Infer<typeof UdpSocketConfig>;
