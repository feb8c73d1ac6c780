/**
 * Brings every table in, so that an Any of each can be read and printed.
 *
 * @module
 */
import "./access-log.ts";
import "./access-loggers.ts";
import "./bootstrap.ts";
import "./cluster-health.ts";
import "./cluster-load-balancing.ts";
import "./cluster.ts";
import "./config-dump.ts";
import "./core-address.ts";
import "./core-base.ts";
import "./core-config-source.ts";
import "./core-health-check.ts";
import "./core-protocol.ts";
import "./discovery.ts";
import "./empty.ts";
import "./endpoint.ts";
import "./filter-cors.ts";
import "./filter-fault.ts";
import "./filter-health-check.ts";
import "./filter-http-rbac.ts";
import "./filter-local-rate-limit.ts";
import "./filter-network-rbac.ts";
import "./filter-router.ts";
import "./filter-tcp-proxy.ts";
import "./http-connection-manager.ts";
import "./istio-ca.ts";
import "./listener-filters.ts";
import "./listener.ts";
import "./load-balancing-policies.ts";
import "./matcher.ts";
import "./metadata-tracing.ts";
import "./rbac.ts";
import "./retry-predicates.ts";
import "./route-action.ts";
import "./route-match.ts";
import "./route-rate-limit.ts";
import "./route.ts";
import "./rpc-status.ts";
import "./stats.ts";
import "./substitution-format.ts";
import "./tls.ts";
import "./tulle-identity.ts";
import "./type.ts";
import "./upstream-http.ts";
