/**
 * `envoy.extensions.retry`: which hosts and priorities a retry passes over.
 *
 * @module
 */
import { type Infer, message } from "../types/message.ts";
import { int32 } from "../types/scalars.ts";

export const PreviousHostsPredicate = message(
  "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
  {},
);
export type PreviousHostsPredicate = Infer<typeof PreviousHostsPredicate>;

export const PreviousPrioritiesConfig = message(
  "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
  { updateFrequency: int32(1) },
);
export type PreviousPrioritiesConfig = Infer<typeof PreviousPrioritiesConfig>;
