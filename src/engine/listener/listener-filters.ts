/**
 * What looks at a connection before its filter chain is chosen, in the order in which it is listed.
 *
 * Source: `envoy.extensions.filters.listener`: `tls_inspector`, `http_inspector`, `proxy_protocol`, `original_dst`;
 * `filter_disabled` of `envoy/config/listener/v3/listener_components.proto`. As Envoy does, a listener whose chains ask
 * for TLS and that has no `tls_inspector` gets one, last.
 *
 * Differs: a timeout of 0, which waits for ever in Envoy, is an hour; `original_dst` comes before all others, wherever it stands.
 *
 * @module
 */
import type { FilterChainMatch, Listener, ListenerFilter } from "../../xds/proto/listener.ts";
import type { ListenerFilterChainMatchPredicate } from "../../xds/proto/listener.ts";
import { HttpInspector, OriginalDst, ProxyProtocol, TlsInspector } from "../../xds/proto/listener-filters.ts";
import { isAny } from "../../xds/types/any.ts";
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";

export interface ListenerFilters {
  readonly filters: readonly CompiledListenerFilter[];
  /** The first is `original_dst`: where connections were dialed to, before they were led here, is asked of the kernel. */
  readonly restoresDestination: boolean;
  /** How long they may look. */
  readonly timeoutMs: number;
  /** Whether a connection goes on, by what is known of it, when the time is over. */
  readonly continueOnTimeout: boolean;
}

export interface CompiledListenerFilter {
  readonly kind: ListenerFilterKind;
  /** Whether it passes over connections to a port. */
  readonly isDisabled: (destinationPort: number) => boolean;
}

export type ListenerFilterKind =
  | { readonly t: "tlsInspector" }
  | { readonly t: "httpInspector" }
  | {
      readonly t: "proxyProtocol";
      /** A connection without a header is its own. */
      readonly allowsNone: boolean;
      readonly disallowedVersions: readonly (1 | 2)[];
    };

const DEFAULT_TIMEOUT_MS = 15_000;
const LONGEST_TIMEOUT_MS = 3_600_000;
const PROXY_PROTOCOL = new Set(["allowRequestsWithoutProxyProtocol", "disallowedVersions"]);
const NEVER = (): boolean => false;

/** @throws {CompileError} */
export function compileListenerFilters(listener: Listener): ListenerFilters {
  const filters = (listener.listenerFilters ?? []).flatMap((filter, i) =>
    compileFilter(filter, `listener_filters[${i}]`),
  );
  const looksForTls = filters.some(({ kind }) => kind.t === "tlsInspector");
  const matches = (listener.filterChains ?? []).map(({ filterChainMatch }) => filterChainMatch);
  if (!looksForTls && matches.some(asksForTls)) filters.push({ kind: { t: "tlsInspector" }, isDisabled: NEVER });
  return {
    filters,
    restoresDestination: listener.useOriginalDst === true || (listener.listenerFilters ?? []).some(restores),
    timeoutMs: (listener.listenerFiltersTimeout ?? DEFAULT_TIMEOUT_MS) || LONGEST_TIMEOUT_MS,
    continueOnTimeout: listener.continueOnListenerFiltersTimeout ?? false,
  };
}

const restores = ({ typedConfig }: ListenerFilter): boolean =>
  typedConfig !== undefined && isAny(typedConfig, OriginalDst);

/** Only `tls_inspector` can tell what is asked of the connection. */
function asksForTls(match: FilterChainMatch | undefined): boolean {
  const { applicationProtocols = [], serverNames = [], transportProtocol } = match ?? {};
  if (transportProtocol === "tls") return true;
  return !transportProtocol && (applicationProtocols.length > 0 || serverNames.length > 0);
}

function compileFilter({ name, typedConfig, filterDisabled }: ListenerFilter, path: string): CompiledListenerFilter[] {
  const isDisabled = filterDisabled === undefined ? NEVER : predicate(filterDisabled, `${path}.filter_disabled`);
  if (typedConfig !== undefined && isAny(typedConfig, OriginalDst)) return [];
  if (typedConfig !== undefined && isAny(typedConfig, TlsInspector))
    return [{ kind: { t: "tlsInspector" }, isDisabled }];
  if (typedConfig !== undefined && isAny(typedConfig, HttpInspector))
    return [{ kind: { t: "httpInspector" }, isDisabled }];
  if (typedConfig !== undefined && isAny(typedConfig, ProxyProtocol)) {
    const config = unpackAt(typedConfig, ProxyProtocol, `${path}.typed_config`);
    return [{ kind: proxyProtocol(config, `${path}.typed_config`), isDisabled }];
  }
  throw new CompileError(
    path,
    `the listener filter ${typedConfig?.typeUrl ?? name} is not supported yet: tls_inspector, http_inspector, proxy_protocol and original_dst are`,
  );
}

function proxyProtocol(config: ProxyProtocol, path: string): ListenerFilterKind {
  refuseOthers(config, path, PROXY_PROTOCOL, "TLVs are passed over");
  const disallowedVersions = (config.disallowedVersions ?? []).map((version) => (version === "V2" ? 2 : 1));
  if (new Set(disallowedVersions).size > 1)
    throw new CompileError(`${path}.disallowed_versions`, "must leave a version that is allowed, found both");
  return {
    t: "proxyProtocol",
    allowsNone: config.allowRequestsWithoutProxyProtocol ?? false,
    disallowedVersions,
  };
}

function predicate(rule: ListenerFilterChainMatchPredicate, path: string): (port: number) => boolean {
  const { andMatch, anyMatch, destinationPortRange, notMatch, orMatch } = rule;
  const each = (set: NonNullable<typeof andMatch>, field: string) =>
    (set.rules ?? []).map((it, i) => predicate(it, `${path}.${field}.rules[${i}]`));
  if (anyMatch === true) return () => true;
  if (destinationPortRange !== undefined) {
    const { start = 0, end = 0 } = destinationPortRange;
    return (port) => port >= start && port < end;
  }
  if (notMatch !== undefined) {
    const rejected = predicate(notMatch, `${path}.not_match`);
    return (port) => !rejected(port);
  }
  if (andMatch !== undefined) {
    const rules = each(andMatch, "and_match");
    return (port) => rules.every((holds) => holds(port));
  }
  if (orMatch !== undefined) {
    const rules = each(orMatch, "or_match");
    return (port) => rules.some((holds) => holds(port));
  }
  throw new CompileError(path, "must hold a rule");
}
