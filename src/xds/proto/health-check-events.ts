/**
 * `envoy.data.core.v3` and `envoy.extensions.health_check.event_sinks.file.v3`: where changes of health are told.
 *
 * @module
 */
import { type Infer, message } from "../types/message.ts";
import { string } from "../types/scalars.ts";

export const HealthCheckEventFileSink = message(
  "envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink",
  { eventLogPath: string(1) },
);
export type HealthCheckEventFileSink = Infer<typeof HealthCheckEventFileSink>;
