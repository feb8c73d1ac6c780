/**
 * Reads a bootstrap: the file that a proxy starts from, in Envoy's form.
 *
 * YAML is not parsed here: a sidecar must not load a YAML library for a JSON file, so whoever has parsed one hands the
 * value to {@link bootstrapFromValue}.
 *
 * Differs from Envoy: a field that is given twice (in both spellings) is refused, and so is a field that we have no
 * table for, where Envoy would know it.
 *
 * @module
 */
import "./proto/all.ts";
import { Bootstrap } from "./proto/bootstrap.ts";
import { fromJson } from "./types/codec.ts";
import { FieldError } from "./types/field-error.ts";

/** Names the file, the field's path, what must hold and what was found. */
export class BootstrapError extends Error {
  override readonly name = "BootstrapError";
}

/**
 * @param text JSON.
 * @param file The file's name, for errors.
 * @throws {BootstrapError} If the text is not JSON, or not a bootstrap.
 */
export function parseBootstrap(text: string, file: string): Bootstrap {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BootstrapError(`${file}: not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return bootstrapFromValue(value, file);
}

/**
 * @param value What a JSON or YAML parser made of the file.
 * @throws {BootstrapError} If it is not a bootstrap.
 */
export function bootstrapFromValue(value: unknown, file: string): Bootstrap {
  try {
    return fromJson(Bootstrap, value);
  } catch (error) {
    if (error instanceof FieldError) throw new BootstrapError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
