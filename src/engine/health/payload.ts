/**
 * Bytes that a health check sends, or looks for in what comes.
 *
 * Source: `HealthCheck.Payload` of `envoy/config/core/v3/health_check.proto`: `text` is hexadecimal.
 *
 * @module
 */
import type { HealthCheckPayload } from "../../xds/proto/core-health-check.ts";
import { CompileError } from "../compile-error.ts";

/** @throws {CompileError} */
export function compilePayload({ text, binary }: HealthCheckPayload, path: string): Buffer {
  if (binary !== undefined) return notEmpty(Buffer.from(binary), `${path}.binary`);
  if (text === undefined) throw new CompileError(path, "must hold text or binary");
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
    throw new CompileError(`${path}.text`, `must be pairs of hexadecimal digits, found ${JSON.stringify(text)}`);
  return notEmpty(Buffer.from(text, "hex"), `${path}.text`);
}

function notEmpty(bytes: Buffer, path: string): Buffer {
  if (bytes.length === 0) throw new CompileError(path, "must not be empty");
  return bytes;
}

/** Whether all parts stand in `bytes`, one behind the other; other bytes may stand between. */
export function holdsInOrder(bytes: Buffer, parts: readonly Buffer[]): boolean {
  let from = 0;
  for (const part of parts) {
    const at = bytes.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return true;
}
