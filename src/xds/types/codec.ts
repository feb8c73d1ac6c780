/**
 * Messages to and from bytes and JSON.
 *
 * Encoding is deterministic: fields in the order of their numbers, a map's entries in the order of their keys. Equal
 * messages give equal bytes, so a hash of the bytes is a version.
 *
 * Errors: all of them throw {@link FieldError} with the path of the field.
 *
 * @module
 */
import { ProtobufReader } from "../../wire/protobuf-reader.ts";
import { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import { inside } from "./field.ts";
import type { MessageType } from "./message.ts";

/** @throws {FieldError} If a number is out of its type's range, or two members of a oneof are set. */
export function encode<T>(type: MessageType<T>, value: T): Uint8Array {
  const writer = new ProtobufWriter();
  type.writeFields(writer, value);
  return writer.finish();
}

/** @throws {FieldError} If the bytes are malformed, or hold a field or enum value that the table does not know. */
export function decode<T>(type: MessageType<T>, bytes: Uint8Array): T {
  return inside("", () => type.readFields(new ProtobufReader(bytes)));
}

/**
 * As {@link decode}, but passes over unknown field numbers, at every depth outside an Any.
 *
 * For the envelopes of discovery, where a newer peer may say more of itself. Never for a resource.
 */
export function decodeTolerant<T>(type: MessageType<T>, bytes: Uint8Array): T {
  return inside("", () => type.readFields(new ProtobufReader(bytes, true)));
}

/**
 * Reads protobuf's JSON form; keys may be snake_case or camelCase. An Any is `{"@type": …}` of a registered table.
 *
 * @param path Put before the paths in errors.
 * @throws {FieldError} For an unknown field, a value of a wrong type, or a oneof with more than one member.
 */
export function fromJson<T>(type: MessageType<T>, value: unknown, path = ""): T {
  return inside(path, () => type.fromJson(value, 0));
}

/** Protobuf's JSON form with snake_case keys, as Envoy's config dump prints it. Secrets are replaced by `[redacted]`. */
export function toJson<T>(type: MessageType<T>, value: T): unknown {
  return type.toJson(value);
}
