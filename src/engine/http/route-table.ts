/**
 * A route configuration, compiled: from a request's authority and path to where it goes.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import type { RouteConfiguration, VirtualHost } from "../../xds/proto/route.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import { replyOf } from "../failures.ts";
import { type PeerView, pathOnly, type RequestView } from "../request.ts";
import { quoted, type Trace } from "../trace.ts";
import { portStart } from "./authority.ts";
import { DomainTable } from "./domains.ts";
import type { FilterChain } from "./filters.ts";
import { compileEdits } from "./header-operations.ts";
import { KNOWN_CONFIGURATION } from "./route-known.ts";
import { compileMirrors } from "./mirrors.ts";
import type { RouteTarget } from "./target.ts";
import { type CompiledVirtualHost, compileVirtualHost, type HostParent } from "./virtual-host.ts";

const DEFAULT_MAX_DIRECT_RESPONSE_BYTES = 4096;
const RANDOM_VALUES = 2 ** 32;
const MAX_NAMES_IN_TRACE = 10;

export class RouteTable {
  readonly message: RouteConfiguration;
  readonly virtualHosts: readonly CompiledVirtualHost[];
  /** In lower case. To be taken off requests from outside. */
  readonly internalOnlyHeaders: readonly string[];
  readonly #domains = new DomainTable<CompiledVirtualHost>();
  readonly #noRoute: RouteTarget;
  readonly #ignorePort: boolean;
  readonly #ignorePathParameters: boolean;
  readonly #needsRandom: boolean;

  constructor(message: RouteConfiguration, hosts: readonly CompiledVirtualHost[], noRoute: RouteTarget, path: string) {
    this.message = message;
    this.virtualHosts = hosts;
    this.internalOnlyHeaders = (message.internalOnlyHeaders ?? []).map((name) => name.toLowerCase());
    for (const [i, host] of hosts.entries())
      this.#addDomains(host, () => `${fieldPath(path, "virtualHosts")}[${i}].domains`);
    this.#noRoute = noRoute;
    this.#ignorePort = message.ignorePortInHostMatching ?? false;
    this.#ignorePathParameters = message.ignorePathParametersInPathMatching ?? false;
    this.#needsRandom = hosts.some((host) => host.needsRandom);
  }

  #addDomains(host: CompiledVirtualHost, pathOf: () => string): void {
    const { domains } = host;
    if (domains.length === 0) throw new CompileError(pathOf(), "must not be empty");
    for (const [j, domain] of domains.entries()) this.#domains.add(domain, host, () => `${pathOf()}[${j}]`);
  }

  find(request: RequestView, peer: PeerView, random: Random, trace: Trace | undefined): RouteTarget {
    const host = this.hostFor(request.authority);
    if (trace !== undefined) this.#traceHost(request.authority, host, trace);
    if (host === undefined) return this.#noRoute;
    const randomValue = this.#needsRandom ? Math.floor(random() * RANDOM_VALUES) : 0;
    const path = pathOnly(request.path);
    const matched = this.#ignorePathParameters ? path.replace(/;[^/]*/g, "") : path;
    return host.find(request, peer, matched, randomValue, trace) ?? this.#noRoute;
  }

  /** Whose domains the authority is among. */
  hostFor(authority: string): CompiledVirtualHost | undefined {
    return this.#domains.find(this.#ignorePort ? withoutPort(authority) : authority);
  }

  #traceHost(authority: string, host: CompiledVirtualHost | undefined, trace: Trace): void {
    if (host === undefined) {
      const names = this.virtualHosts.slice(0, MAX_NAMES_IN_TRACE).map(({ name }) => name);
      const more = this.virtualHosts.length > names.length ? ", …" : "";
      const reason = `no virtual host has this domain; there are: ${names.join(", ") || "none"}${more}`;
      trace.push({ step: "virtualHost", subject: quoted(authority), verdict: "notMatched", reason });
      return;
    }
    const reason = `authority ${quoted(authority)} is among its domains ${host.domains.join(", ")}`;
    const step = { step: "virtualHost", subject: host.name, verdict: "chosen", reason } as const;
    trace.push(host.origin === undefined ? step : { ...step, origin: host.origin });
  }
}

/**
 * @param before The last one of the same filters: virtual hosts that are the very values of it keep their compiled form.
 * @throws {CompileError}
 */
export function compileRoutes(
  message: RouteConfiguration,
  filters: FilterChain,
  path: string,
  before?: RouteTable,
): RouteTable {
  refuseOthers(message, path, KNOWN_CONFIGURATION);
  const overrides = [{ configs: message.typedPerFilterConfig, path: fieldPath(path, "typedPerFilterConfig") }];
  const parent: HostParent = {
    settings: filters.settings,
    edits: [compileEdits(message, path)],
    mostSpecificWins: message.mostSpecificHeaderMutationsWins ?? false,
    filters,
    overrides,
    mirrors: compileMirrors(message.requestMirrorPolicies, fieldPath(path, "requestMirrorPolicies")),
    maxDirectResponseBytes: message.maxDirectResponseBodySizeBytes ?? DEFAULT_MAX_DIRECT_RESPONSE_BYTES,
  };
  const at = fieldPath(path, "virtualHosts");
  const kept = before === undefined ? undefined : keptHosts(before, message);
  const hosts = (message.virtualHosts ?? []).map(
    (host, i) => kept?.(host, i) ?? compileVirtualHost(host, parent, `${at}[${i}]`),
  );
  const noRoute: RouteTarget = {
    route: undefined,
    clusterName: undefined,
    filters: filters.withOverrides([], false),
    responseHeaders: [],
    end: replyOf("noRoute"),
  };
  return new RouteTable(message, hosts, noRoute, path);
}

/**
 * The compiled form of a host that was there before. What filters keep for a place, such as buckets of rate limits, they keep by the place: a host that
 * has any has to have stayed where it was.
 */
function keptHosts(
  { message: before, virtualHosts }: RouteTable,
  now: RouteConfiguration,
): ((host: VirtualHost, at: number) => CompiledVirtualHost | undefined) | undefined {
  if (inherited(before) !== inherited(now)) return undefined;
  const places = new Map(before.virtualHosts?.map((host, i) => [host, i]));
  return (host, at) => {
    const was = places.get(host);
    return was === undefined || (was !== at && hasFilters(host)) ? undefined : virtualHosts[was];
  };
}

/** What virtual hosts inherit, as a text. */
const inherited = (message: RouteConfiguration): string => JSON.stringify({ ...message, virtualHosts: undefined });

const hasFilters = ({ typedPerFilterConfig, routes = [] }: VirtualHost): boolean =>
  typedPerFilterConfig !== undefined ||
  routes.some(
    (it) =>
      it.typedPerFilterConfig !== undefined ||
      it.route?.weightedClusters?.clusters?.some((cluster) => cluster.typedPerFilterConfig !== undefined) === true,
  );

function withoutPort(authority: string): string {
  const at = portStart(authority);
  return at < 0 ? authority : authority.slice(0, at);
}
