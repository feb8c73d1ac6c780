/**
 * What a kind of HTTP filter brings.
 *
 * @module
 */
import type { AnyMessage } from "../../xds/types/any.ts";
import type { MessageType } from "../../xds/types/message.ts";
import type { Observer } from "../observer.ts";
import type { RequestView } from "../request.ts";
import type { HttpSettings } from "./settings.ts";
import type { FilterStep } from "./target.ts";

export interface FilterContext {
  readonly settings: HttpSettings;
  readonly observer: Observer | undefined;
  readonly nowMs: () => number;
  /** Since 1970. */
  readonly wallMs: () => number;
  /** Which part of a limit this process holds: above 0, up to 1. */
  readonly share: number;
}

/** What one level of routing holds for a filter. */
export interface LevelConfig {
  readonly config: AnyMessage;
  /** Where it is, for errors. */
  readonly path: string;
}

/** Tells a request's cluster by its name. */
export type Preference = (request: RequestView) => ((clusterName: string) => boolean) | undefined;

export interface FilterType {
  /** Of its configuration in the chain. */
  readonly message: MessageType<unknown>;
  /** Undefined when it does nothing to any request. @throws {CompileError} */
  compile(config: AnyMessage, path: string, context: FilterContext): FilterStep | undefined;
  /** Of `typed_per_filter_config`: replaces the chain's. @throws {CompileError} */
  compileForRoute(config: AnyMessage, path: string, context: FilterContext): FilterStep | undefined;
  /** Where levels are merged in place of the most specific one counting alone; it comes first. @throws {CompileError} */
  compileLevels?(levels: readonly LevelConfig[], context: FilterContext): FilterStep | undefined;
  /** Which of a route's weighted clusters a request must go to, whatever the draw; undefined for any. @throws {CompileError} */
  compilePreference?(config: AnyMessage, path: string, context: FilterContext): Preference | undefined;
  /** It passes over routes that answer themselves. */
  readonly forwardsOnly?: true;
}
