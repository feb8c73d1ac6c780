/**
 * `envoy.extensions.filters.http.health_check.v3`.
 *
 * @module
 */
import { of } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { map } from "../types/map-field.ts";
import { type Infer, message } from "../types/message.ts";
import { boolValue } from "../types/scalars.ts";
import { duration } from "../types/time.ts";
import { HeaderMatcher } from "./route-match.ts";
import { Percent } from "./type.ts";

export const HealthCheckFilter = message("envoy.extensions.filters.http.health_check.v3.HealthCheck", {
  passThroughMode: boolValue(1),
  cacheTime: duration(3),
  clusterMinHealthyPercentages: map(of(4, Percent)),
  headers: repeated(of(5, HeaderMatcher)),
});
export type HealthCheckFilter = Infer<typeof HealthCheckFilter>;
