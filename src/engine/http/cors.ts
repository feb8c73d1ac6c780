/**
 * The CORS filter does nothing until a route has a policy for it, and control planes put it into every chain. So the
 * filter is taken, and a policy is refused for now.
 *
 * @module
 */
import { Cors } from "../../xds/proto/filter-cors.ts";
import { CompileError } from "../compile-error.ts";
import type { FilterType } from "./filter-type.ts";

export const CORS_FILTER: FilterType = {
  message: Cors,
  compile: () => undefined,
  compileForRoute(_config, path) {
    throw new CompileError(path, "CORS policies are not supported yet");
  },
};
