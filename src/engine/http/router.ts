/**
 * The router filter: it ends the chain and acts on the route. Its few settings are the proxy's to follow.
 *
 * @module
 */
import { Router } from "../../xds/proto/filter-router.ts";
import { type AnyMessage, isAny } from "../../xds/types/any.ts";
import { refuseOthers, unpackAt } from "../compile-error.ts";

export interface RouterSettings {
  /** No `x-envoy-*` headers are added. */
  readonly suppressEnvoyHeaders: boolean;
  /** `x-envoy-expected-rq-timeout-ms` of the caller is this hop's timeout. */
  readonly respectExpectedRqTimeout: boolean;
}

/** Statistics that we do not keep by cluster are no reason to refuse. */
const KNOWN = new Set([
  "dynamicStats",
  "startChildSpan",
  "suppressEnvoyHeaders",
  "respectExpectedRqTimeout",
  "suppressGrpcRequestFailureCodeStats",
]);

export const isRouter = (config: AnyMessage): boolean => isAny(config, Router);

/** @throws {CompileError} */
export function compileRouter(config: AnyMessage, path: string): RouterSettings {
  const router = unpackAt(config, Router, path);
  refuseOthers(router, path, KNOWN);
  return {
    suppressEnvoyHeaders: router.suppressEnvoyHeaders ?? false,
    respectExpectedRqTimeout: router.respectExpectedRqTimeout ?? false,
  };
}
