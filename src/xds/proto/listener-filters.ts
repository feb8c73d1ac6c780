/**
 * `envoy.extensions.filters.listener`: what looks at a connection before its filter chain is chosen.
 *
 * @module
 */
import { of } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, string, uint32, uint32Value } from "../types/scalars.ts";
import { ProxyProtocolConfigVersion, ProxyProtocolPassThroughTLVs } from "./core-protocol.ts";

export const HttpInspector = message("envoy.extensions.filters.listener.http_inspector.v3.HttpInspector", {});
export type HttpInspector = Infer<typeof HttpInspector>;

export const OriginalDst = message("envoy.extensions.filters.listener.original_dst.v3.OriginalDst", {});
export type OriginalDst = Infer<typeof OriginalDst>;

export const ProxyProtocolKeyValuePair = message(
  "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair",
  {
    metadataNamespace: string(1),
    key: string(2),
  },
);
export type ProxyProtocolKeyValuePair = Infer<typeof ProxyProtocolKeyValuePair>;

export const ProxyProtocolRule = message("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.Rule", {
  tlvType: uint32(1),
  onTlvPresent: of(2, ProxyProtocolKeyValuePair),
});
export type ProxyProtocolRule = Infer<typeof ProxyProtocolRule>;

export const ProxyProtocol = message("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol", {
  rules: repeated(of(1, ProxyProtocolRule)),
  allowRequestsWithoutProxyProtocol: bool(2),
  passThroughTlvs: of(3, ProxyProtocolPassThroughTLVs),
  disallowedVersions: repeated(of(4, ProxyProtocolConfigVersion)),
  statPrefix: string(5),
});
export type ProxyProtocol = Infer<typeof ProxyProtocol>;

export const TlsInspector = message("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", {
  enableJa3Fingerprinting: boolValue(1),
  initialReadBufferSize: uint32Value(2),
});
export type TlsInspector = Infer<typeof TlsInspector>;
