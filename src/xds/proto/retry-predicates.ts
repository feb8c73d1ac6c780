/**
 * `envoy.extensions.retry.host`: which hosts a retry passes over.
 *
 * @module
 */
import { type Infer, message } from "../types/message.ts";

export const PreviousHostsPredicate = message(
  "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
  {},
);
export type PreviousHostsPredicate = Infer<typeof PreviousHostsPredicate>;
