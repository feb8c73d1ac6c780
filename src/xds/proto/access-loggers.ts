/**
 * `envoy.extensions.access_loggers`: where access logs go.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { type Infer, message } from "../types/message.ts";
import { string } from "../types/scalars.ts";
import { struct } from "../types/struct.ts";
import { SubstitutionFormatString } from "./substitution-format.ts";

export const FileAccessLog = message("envoy.extensions.access_loggers.file.v3.FileAccessLog", {
  path: string(1),
  ...oneof("access_log_format", {
    format: string(2),
    jsonFormat: struct(3),
    typedJsonFormat: struct(4),
    logFormat: of(5, SubstitutionFormatString),
  }),
});
export type FileAccessLog = Infer<typeof FileAccessLog>;

export const StdoutAccessLog = message("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", {
  ...oneof("access_log_format", {
    logFormat: of(1, SubstitutionFormatString),
  }),
});
export type StdoutAccessLog = Infer<typeof StdoutAccessLog>;

export const StderrAccessLog = message("envoy.extensions.access_loggers.stream.v3.StderrAccessLog", {
  ...oneof("access_log_format", {
    logFormat: of(1, SubstitutionFormatString),
  }),
});
export type StderrAccessLog = Infer<typeof StderrAccessLog>;
