/**
 * Names of Envoy's statistics that Tulle keeps, by scope. Left is the property, right the name and its kind.
 *
 * Source: Envoy documentation, "Statistics" of cluster manager, HTTP connection manager, listeners and RBAC filter.
 *
 * @module
 */

export type StatKind = "counter" | "gauge" | "histogram";
export type StatTable = Readonly<Record<string, readonly [kind: StatKind, name: string]>>;

/** `cluster.<name>.` */
export const CLUSTER_STATS = {
  cxTotal: ["counter", "upstream_cx_total"],
  cxActive: ["gauge", "upstream_cx_active"],
  cxHttp1Total: ["counter", "upstream_cx_http1_total"],
  cxHttp2Total: ["counter", "upstream_cx_http2_total"],
  cxConnectFail: ["counter", "upstream_cx_connect_fail"],
  cxConnectTimeout: ["counter", "upstream_cx_connect_timeout"],
  cxConnectAttemptsExceeded: ["counter", "upstream_cx_connect_attempts_exceeded"],
  cxIdleTimeout: ["counter", "upstream_cx_idle_timeout"],
  cxOverflow: ["counter", "upstream_cx_overflow"],
  cxNoneHealthy: ["counter", "upstream_cx_none_healthy"],
  cxDestroy: ["counter", "upstream_cx_destroy"],
  cxDestroyLocalWithActiveRq: ["counter", "upstream_cx_destroy_local_with_active_rq"],
  cxDestroyRemoteWithActiveRq: ["counter", "upstream_cx_destroy_remote_with_active_rq"],
  cxRxBytesTotal: ["counter", "upstream_cx_rx_bytes_total"],
  cxTxBytesTotal: ["counter", "upstream_cx_tx_bytes_total"],
  rqTotal: ["counter", "upstream_rq_total"],
  rqActive: ["gauge", "upstream_rq_active"],
  rqCompleted: ["counter", "upstream_rq_completed"],
  rqPendingTotal: ["counter", "upstream_rq_pending_total"],
  rqPendingActive: ["gauge", "upstream_rq_pending_active"],
  rqPendingOverflow: ["counter", "upstream_rq_pending_overflow"],
  rqCancelled: ["counter", "upstream_rq_cancelled"],
  rqMaintenanceMode: ["counter", "upstream_rq_maintenance_mode"],
  rqTimeout: ["counter", "upstream_rq_timeout"],
  rqPerTryTimeout: ["counter", "upstream_rq_per_try_timeout"],
  rqPerTryIdleTimeout: ["counter", "upstream_rq_per_try_idle_timeout"],
  rqRxReset: ["counter", "upstream_rq_rx_reset"],
  rqTxReset: ["counter", "upstream_rq_tx_reset"],
  rqRetry: ["counter", "upstream_rq_retry"],
  rqRetryByRateLimit: ["counter", "upstream_rq_retry_backoff_ratelimited"],
  rqRetryByBackoff: ["counter", "upstream_rq_retry_backoff_exponential"],
  rqRetrySuccess: ["counter", "upstream_rq_retry_success"],
  rqRetryOverflow: ["counter", "upstream_rq_retry_overflow"],
  rqRetryLimitExceeded: ["counter", "upstream_rq_retry_limit_exceeded"],
  /** Ours: copies of requests that were given up because the cluster did not keep up. */
  rqMirrorDropped: ["counter", "upstream_rq_mirror_dropped"],
  membershipChange: ["counter", "membership_change"],
  membershipHealthy: ["gauge", "membership_healthy"],
  membershipTotal: ["gauge", "membership_total"],
  membershipDegraded: ["gauge", "membership_degraded"],
  membershipExcluded: ["gauge", "membership_excluded"],
  ejectionsActive: ["gauge", "outlier_detection.ejections_active"],
  ejectionsEnforcedTotal: ["counter", "outlier_detection.ejections_enforced_total"],
  ejectionsOverflow: ["counter", "outlier_detection.ejections_overflow"],
  ejectionsEnforcedConsecutive5xx: ["counter", "outlier_detection.ejections_enforced_consecutive_5xx"],
  ejectionsDetectedConsecutive5xx: ["counter", "outlier_detection.ejections_detected_consecutive_5xx"],
} as const satisfies StatTable;

/** `cluster.<name>.`, of a cluster whose endpoints are checked. */
export const HEALTH_CHECK_STATS = {
  attempt: ["counter", "health_check.attempt"],
  success: ["counter", "health_check.success"],
  failure: ["counter", "health_check.failure"],
  passiveFailure: ["counter", "health_check.passive_failure"],
  networkFailure: ["counter", "health_check.network_failure"],
  healthy: ["gauge", "health_check.healthy"],
  degraded: ["gauge", "health_check.degraded"],
} as const satisfies StatTable;

/** `cluster.<name>.`, of a cluster with a ring. */
export const RING_HASH_STATS = {
  size: ["gauge", "ring_hash_lb.size"],
  least: ["gauge", "ring_hash_lb.min_hashes_per_host"],
  most: ["gauge", "ring_hash_lb.max_hashes_per_host"],
} as const satisfies StatTable;

/** `cluster.<name>.`, of a cluster with a Maglev table. */
export const MAGLEV_STATS = {
  least: ["gauge", "maglev_lb.min_entries_per_host"],
  most: ["gauge", "maglev_lb.max_entries_per_host"],
} as const satisfies StatTable;

/** `http.<stat prefix>.` */
export const HTTP_STATS = {
  cxTotal: ["counter", "downstream_cx_total"],
  cxActive: ["gauge", "downstream_cx_active"],
  cxSslTotal: ["counter", "downstream_cx_ssl_total"],
  cxHttp1Total: ["counter", "downstream_cx_http1_total"],
  cxUpgradesTotal: ["counter", "downstream_cx_upgrades_total"],
  cxUpgradesActive: ["gauge", "downstream_cx_upgrades_active"],
  cxHttp2Total: ["counter", "downstream_cx_http2_total"],
  cxDestroy: ["counter", "downstream_cx_destroy"],
  cxIdleTimeout: ["counter", "downstream_cx_idle_timeout"],
  cxDrainClose: ["counter", "downstream_cx_drain_close"],
  cxProtocolError: ["counter", "downstream_cx_protocol_error"],
  cxRxBytesTotal: ["counter", "downstream_cx_rx_bytes_total"],
  cxTxBytesTotal: ["counter", "downstream_cx_tx_bytes_total"],
  rqTotal: ["counter", "downstream_rq_total"],
  rqActive: ["gauge", "downstream_rq_active"],
  rqHttp1Total: ["counter", "downstream_rq_http1_total"],
  rqHttp2Total: ["counter", "downstream_rq_http2_total"],
  rqCompleted: ["counter", "downstream_rq_completed"],
  rqTimeout: ["counter", "downstream_rq_timeout"],
  rqIdleTimeout: ["counter", "downstream_rq_idle_timeout"],
  rqRxReset: ["counter", "downstream_rq_rx_reset"],
  rqTooLarge: ["counter", "downstream_rq_too_large"],
  noRoute: ["counter", "no_route"],
  noCluster: ["counter", "no_cluster"],
  rqRedirect: ["counter", "rq_redirect"],
  rqDirectResponse: ["counter", "rq_direct_response"],
  rbacAllowed: ["counter", "rbac.allowed"],
  rbacDenied: ["counter", "rbac.denied"],
  rbacShadowAllowed: ["counter", "rbac.shadow_allowed"],
  rbacShadowDenied: ["counter", "rbac.shadow_denied"],
  rqOverloadClose: ["counter", "downstream_rq_overload_close"],
  cxOverloadDisableKeepalive: ["counter", "downstream_cx_overload_disable_keepalive"],
  corsValid: ["counter", "cors.origin_valid"],
  corsInvalid: ["counter", "cors.origin_invalid"],
  faultDelays: ["counter", "fault.delays_injected"],
  faultAborts: ["counter", "fault.aborts_injected"],
} as const satisfies StatTable;

/** `tcp.<stat prefix>.` */
export const TCP_STATS = {
  cxTotal: ["counter", "downstream_cx_total"],
  cxNoRoute: ["counter", "downstream_cx_no_route"],
  cxRxBytesTotal: ["counter", "downstream_cx_rx_bytes_total"],
  cxTxBytesTotal: ["counter", "downstream_cx_tx_bytes_total"],
  idleTimeout: ["counter", "idle_timeout"],
  maxDuration: ["counter", "max_downstream_connection_duration"],
} as const satisfies StatTable;

/** `udp.<stat_prefix>.`; `downstream_sess_overflow` is our own. */
export const UDP_STATS = {
  sessTotal: ["counter", "downstream_sess_total"],
  sessActive: ["gauge", "downstream_sess_active"],
  sessNoRoute: ["counter", "downstream_sess_no_route"],
  sessOverflow: ["counter", "downstream_sess_overflow"],
  sessRxBytes: ["counter", "downstream_sess_rx_bytes"],
  sessRxDatagrams: ["counter", "downstream_sess_rx_datagrams"],
  sessRxErrors: ["counter", "downstream_sess_rx_errors"],
  sessTxBytes: ["counter", "downstream_sess_tx_bytes"],
  sessTxDatagrams: ["counter", "downstream_sess_tx_datagrams"],
  sessTxErrors: ["counter", "downstream_sess_tx_errors"],
  idleTimeout: ["counter", "idle_timeout"],
} as const satisfies StatTable;

/** `cluster.<name>.`, where it has had sessions of UDP. */
export const CLUSTER_UDP_STATS = {
  rxDatagrams: ["counter", "udp.sess_rx_datagrams"],
  rxDatagramsDropped: ["counter", "udp.sess_rx_datagrams_dropped"],
  rxErrors: ["counter", "udp.sess_rx_errors"],
  txDatagrams: ["counter", "udp.sess_tx_datagrams"],
  txErrors: ["counter", "udp.sess_tx_errors"],
} as const satisfies StatTable;

/** `listener.<address>.`, of one of UDP. */
export const LISTENER_UDP_STATS = {
  rxDatagramDropped: ["counter", "udp.downstream_rx_datagram_dropped"],
} as const satisfies StatTable;

/** Of the listener filters of the process; that of the PROXY protocol may have a prefix of its own. */
export const LISTENER_FILTER_STATS = {
  http10Found: ["counter", "http_inspector.http10_found"],
  http11Found: ["counter", "http_inspector.http11_found"],
  http2Found: ["counter", "http_inspector.http2_found"],
  httpNotFound: ["counter", "http_inspector.http_not_found"],
  tlsFound: ["counter", "tls_inspector.tls_found"],
  tlsNotFound: ["counter", "tls_inspector.tls_not_found"],
  sniFound: ["counter", "tls_inspector.sni_found"],
  sniNotFound: ["counter", "tls_inspector.sni_not_found"],
  alpnFound: ["counter", "tls_inspector.alpn_found"],
  alpnNotFound: ["counter", "tls_inspector.alpn_not_found"],
  proxyNotFoundAllowed: ["counter", "proxy_proto.not_found_allowed"],
  proxyNotFoundDisallowed: ["counter", "proxy_proto.not_found_disallowed"],
  proxyV1Found: ["counter", "proxy_proto.versions.v1.found"],
  proxyV1Disallowed: ["counter", "proxy_proto.versions.v1.disallowed"],
  proxyV1Error: ["counter", "proxy_proto.versions.v1.error"],
  proxyV2Found: ["counter", "proxy_proto.versions.v2.found"],
  proxyV2Disallowed: ["counter", "proxy_proto.versions.v2.disallowed"],
  proxyV2Error: ["counter", "proxy_proto.versions.v2.error"],
} as const satisfies StatTable;

/** `<stat prefix>rbac.`, of the network filter. */
export const NETWORK_RBAC_STATS = {
  allowed: ["counter", "rbac.allowed"],
  denied: ["counter", "rbac.denied"],
  shadowAllowed: ["counter", "rbac.shadow_allowed"],
  shadowDenied: ["counter", "rbac.shadow_denied"],
} as const satisfies StatTable;

/** `<stat prefix>.http_local_rate_limit.`, of the HTTP filter. */
export const RATE_LIMIT_STATS = {
  enabled: ["counter", "http_local_rate_limit.enabled"],
  ok: ["counter", "http_local_rate_limit.ok"],
  rateLimited: ["counter", "http_local_rate_limit.rate_limited"],
  enforced: ["counter", "http_local_rate_limit.enforced"],
} as const satisfies StatTable;

/** `local_rate_limit.<stat prefix>.`, of the network filter. */
export const NETWORK_RATE_LIMIT_STATS = { rateLimited: ["counter", "rate_limited"] } as const satisfies StatTable;

/** `listener.<address>.` */
export const LISTENER_STATS = {
  cxTotal: ["counter", "downstream_cx_total"],
  cxActive: ["gauge", "downstream_cx_active"],
  cxDestroy: ["counter", "downstream_cx_destroy"],
  cxOverflow: ["counter", "downstream_cx_overflow"],
  cxTransportSocketConnectTimeout: ["counter", "downstream_cx_transport_socket_connect_timeout"],
  preCxActive: ["gauge", "downstream_pre_cx_active"],
  preCxTimeout: ["counter", "downstream_pre_cx_timeout"],
  listenerFilterRemoteClose: ["counter", "downstream_listener_filter_remote_close"],
  cxOverloadReject: ["counter", "downstream_cx_overload_reject"],
  globalCxOverflow: ["counter", "downstream_global_cx_overflow"],
  noFilterChainMatch: ["counter", "no_filter_chain_match"],
  sslHandshake: ["counter", "ssl.handshake"],
  sslConnectionError: ["counter", "ssl.connection_error"],
  sslFailVerifyError: ["counter", "ssl.fail_verify_error"],
  sslFailVerifySan: ["counter", "ssl.fail_verify_san"],
  sslNoCertificate: ["counter", "ssl.no_certificate"],
} as const satisfies StatTable;
