/**
 * `envoy.config.core.v3`: format strings of access logs and local replies.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string } from "../types/scalars.ts";
import { struct } from "../types/struct.ts";
import { DataSource, TypedExtensionConfig } from "./core-base.ts";

export const JsonFormatOptions = message("envoy.config.core.v3.JsonFormatOptions", {
  sortProperties: bool(1),
});
export type JsonFormatOptions = Infer<typeof JsonFormatOptions>;

export const SubstitutionFormatString = message("envoy.config.core.v3.SubstitutionFormatString", {
  ...oneof("format", {
    textFormat: string(1),
    jsonFormat: struct(2),
    textFormatSource: of(5, DataSource),
  }),
  omitEmptyValues: bool(3),
  contentType: string(4),
  formatters: repeated(of(6, TypedExtensionConfig)),
  jsonFormatOptions: of(7, JsonFormatOptions),
});
export type SubstitutionFormatString = Infer<typeof SubstitutionFormatString>;
