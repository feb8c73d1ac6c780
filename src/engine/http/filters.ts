/**
 * The HTTP filter chain, compiled. Each filter's type is one entry of {@link FILTER_TYPES}; a filter with nothing to do
 * is no step at all.
 *
 * Source: `HttpFilter` and `typed_per_filter_config`: the most specific level (weighted cluster, route, virtual host,
 * route configuration) that names a filter replaces its configuration or turns it off.
 *
 * @module
 */
import type { HttpFilter } from "../../xds/proto/http-connection-manager.ts";
import { FilterConfig } from "../../xds/proto/route.ts";
import { type AnyMessage, isAny } from "../../xds/types/any.ts";
import { CompileError, fieldPath, refuseOthers, unpackAt } from "../compile-error.ts";
import { FAULT_FILTER } from "./fault.ts";
import type { FilterContext, FilterType, LevelConfig, Preference } from "./filter-type.ts";
import { CORS_FILTER } from "./cors.ts";
import { DYNAMIC_FORWARD_PROXY_FILTER } from "./dynamic-forward-proxy.ts";
import { KEPT_SESSION_FILTER } from "./kept-session.ts";
import { LOCAL_RATE_LIMIT } from "./local-rate-limit.ts";
import { RBAC_FILTER } from "./rbac-filter.ts";
import { compileRouter, isRouter, type RouterSettings } from "./router.ts";
import type { HttpSettings } from "./settings.ts";
import { STATEFUL_SESSION_FILTER } from "./stateful-session.ts";
import type { FilterStep } from "./target.ts";

const FILTER_TYPES: readonly FilterType[] = [
  RBAC_FILTER,
  FAULT_FILTER,
  CORS_FILTER,
  LOCAL_RATE_LIMIT,
  DYNAMIC_FORWARD_PROXY_FILTER,
  STATEFUL_SESSION_FILTER,
  KEPT_SESSION_FILTER,
];

/** `typed_per_filter_config` of one level. */
export interface FilterOverrides {
  readonly configs: Readonly<Record<string, AnyMessage>> | undefined;
  readonly path: string;
}

interface NamedFilter {
  readonly name: string;
  readonly type: FilterType;
  /** Undefined when it has nothing to do, or is off. */
  readonly step: FilterStep | undefined;
  /** What a route that turns it on gets. */
  readonly whenOn: FilterStep | undefined;
}

export class FilterChain {
  readonly settings: HttpSettings;
  readonly router: RouterSettings;
  readonly #filters: readonly NamedFilter[];
  readonly #context: FilterContext;
  /** Shared by all routes without overrides. */
  readonly #plain: readonly FilterStep[];

  constructor(filters: readonly NamedFilter[], router: RouterSettings, context: FilterContext) {
    this.settings = context.settings;
    this.router = router;
    this.#filters = filters;
    this.#context = context;
    this.#plain = filters.flatMap(({ step }) => step ?? []);
  }

  /**
   * @param levels The most specific first.
   * @param forwards False for a route that answers by itself.
   * @throws {CompileError}
   */
  withOverrides(levels: readonly FilterOverrides[], forwards: boolean): readonly FilterStep[] {
    const used = levels.filter(({ configs }) => configs !== undefined && Object.keys(configs).length > 0);
    if (used.length === 0) return this.#plain;
    const filters = this.#filters.filter(({ type }) => forwards || type.forwardsOnly !== true);
    return filters.flatMap((filter) => this.#overridden(filter, used) ?? []);
  }

  /** What a filter of the route says of its weighted clusters. @throws {CompileError} */
  preference(levels: readonly FilterOverrides[]): Preference | undefined {
    for (const { name, type } of this.#filters) {
      const level = type.compilePreference && levels.find(({ configs = {} }) => Object.hasOwn(configs, name));
      if (level === undefined) continue;
      const own = ownConfig(level.configs?.[name] as AnyMessage, `${level.path}["${name}"]`);
      if (typeof own === "object") return type.compilePreference?.(own.config, own.path, this.#context);
    }
    return undefined;
  }

  #overridden(filter: NamedFilter, levels: readonly FilterOverrides[]): FilterStep | undefined {
    const { type } = filter;
    const found: LevelConfig[] = [];
    for (const { configs = {}, path } of levels) {
      if (!Object.hasOwn(configs, filter.name)) continue;
      const own = ownConfig(configs[filter.name] as AnyMessage, `${path}["${filter.name}"]`);
      if (typeof own === "object") found.push(own);
      else if (found.length === 0) return own === "on" ? filter.whenOn : undefined;
      if (type.compileLevels === undefined) break;
    }
    const [first] = found;
    if (first === undefined) return filter.step;
    if (type.compileLevels !== undefined) return type.compileLevels(found, this.#context);
    return type.compileForRoute(first.config, first.path, this.#context);
  }
}

/** What a level says of a filter: a configuration, or only whether it is on. */
function ownConfig(any: AnyMessage, path: string): LevelConfig | "on" | "off" {
  if (!isAny(any, FilterConfig)) return { config: any, path };
  const { config, disabled } = unpackAt(any, FilterConfig, path);
  if (disabled === true) return "off";
  return config === undefined ? "on" : { config, path: fieldPath(path, "config") };
}

const KNOWN = new Set(["name", "typedConfig", "isOptional", "disabled"]);

/** @throws {CompileError} */
export function compileFilters(filters: readonly HttpFilter[], path: string, context: FilterContext): FilterChain {
  const last = filters.at(-1);
  const lastPath = `${path}[${filters.length - 1}]`;
  if (last?.typedConfig === undefined || !isRouter(last.typedConfig)) {
    throw new CompileError(filters.length === 0 ? path : lastPath, "the last filter must be the router");
  }
  const before = filters.slice(0, -1).flatMap((filter, i) => compileFilter(filter, `${path}[${i}]`, context) ?? []);
  return new FilterChain(before, compileRouter(last.typedConfig, `${lastPath}.typed_config`), context);
}

function compileFilter(filter: HttpFilter, path: string, context: FilterContext): NamedFilter | undefined {
  refuseOthers(filter, path, KNOWN);
  const { typedConfig, name = "" } = filter;
  if (typedConfig === undefined) throw new CompileError(path, "must hold typed_config");
  if (isRouter(typedConfig)) throw new CompileError(path, "the router must be the last filter");
  const type = FILTER_TYPES.find((candidate) => isAny(typedConfig, candidate.message));
  if (type === undefined) {
    if (filter.isOptional === true) return undefined;
    throw new CompileError(
      path,
      `filters of type ${typedConfig.typeUrl} are not supported yet (and it is not optional)`,
    );
  }
  const whenOn = type.compile(typedConfig, `${path}.typed_config`, context);
  return { name, type, whenOn, step: filter.disabled === true ? undefined : whenOn };
}
