/**
 * `google.rpc`: the status of a call, here of a refused resource.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { int32, string } from "../types/scalars.ts";

export const Status = message("google.rpc.Status", {
  code: int32(1),
  message: string(2),
  details: repeated(any(3)),
});
export type Status = Infer<typeof Status>;
