/**
 * `google.protobuf.Empty`.
 *
 * @module
 */
import { type Infer, message } from "../types/message.ts";

export const Empty = message("google.protobuf.Empty", {});
export type Empty = Infer<typeof Empty>;
