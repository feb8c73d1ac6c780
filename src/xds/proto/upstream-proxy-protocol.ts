/**
 * `envoy.extensions.transport_sockets.proxy_protocol.v3`.
 *
 * @module
 */
import { of } from "../types/field.ts";
import { type Infer, message } from "../types/message.ts";
import { TransportSocket } from "./core-base.ts";
import { ProxyProtocolConfig } from "./core-protocol.ts";

export const ProxyProtocolUpstreamTransport = message(
  "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
  {
    config: of(1, ProxyProtocolConfig),
    transportSocket: of(2, TransportSocket),
  },
);
export type ProxyProtocolUpstreamTransport = Infer<typeof ProxyProtocolUpstreamTransport>;
