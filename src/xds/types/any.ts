/**
 * `google.protobuf.Any`: a message of any type, as its bytes and the URL of its type.
 *
 * An {@link AnyMessage} is a plain value: equal messages give equal URLs and bytes, so two can be compared, hashed and
 * sent without being opened. The message that was packed or unpacked is remembered beside it.
 *
 * @module
 */
import { LENGTH, ProtobufError } from "../../wire/protobuf.ts";
import type { ProtobufReader } from "../../wire/protobuf-reader.ts";
import { decode, encode } from "./codec.ts";
import { type Codec, expectObject, expectWireType, type Field, of } from "./field.ts";
import { FieldError } from "./field-error.ts";
import type { MessageType } from "./message.ts";
import { typeOfUrl } from "./registry.ts";

export interface AnyMessage {
  /** `type.googleapis.com/` and the message's full name. */
  readonly typeUrl: string;
  /** The encoded message. Do not write to it. */
  readonly bytes: Uint8Array;
}

/** Messages that have been packed or unpacked, by their Any; the table that read them beside them. */
const OPENED = new WeakMap<AnyMessage, { readonly type: MessageType<unknown>; readonly message: unknown }>();

/** @throws {FieldError} As {@link encode}. */
export function pack<T>(type: MessageType<T>, message: T): AnyMessage {
  const any: AnyMessage = { typeUrl: type.typeUrl, bytes: encode(type, message) };
  OPENED.set(any, { type, message });
  return any;
}

/**
 * The message inside. Decoded once; later calls give the same object.
 *
 * @throws {FieldError} If it is of another type, or as {@link decode}.
 */
export function unpack<T>(any: AnyMessage, type: MessageType<T>): T {
  const opened = OPENED.get(any);
  if (opened?.type === type) return opened.message as T;
  if (!isAny(any, type)) throw new FieldError(`expected a ${type.name}, found ${any.typeUrl}`);
  const message = decode(type, any.bytes);
  OPENED.set(any, { type, message });
  return message;
}

/** `message` is what is inside: it was read by other means. */
export function remember<T>(any: AnyMessage, type: MessageType<T>, message: T): void {
  OPENED.set(any, { type, message });
}

/** Whether what is inside has been read, or was there before its bytes. */
export const isOpened = (any: AnyMessage): boolean => OPENED.has(any);

/** Whether `any` holds a message of `type`. Only the name counts, not what stands before it in the URL. */
export function isAny(any: AnyMessage, type: MessageType<unknown>): boolean {
  return any.typeUrl === type.typeUrl || any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1) === type.name;
}

const ANY: Codec<AnyMessage> = {
  name: "google.protobuf.Any",
  wireType: LENGTH,
  write(to, value) {
    const mark = to.begin();
    to.tag(1, LENGTH);
    to.string(value.typeUrl);
    if (value.bytes.length > 0) {
      to.tag(2, LENGTH);
      to.bytes(value.bytes);
    }
    to.end(mark);
  },
  read,
  fromJson,
  toJson,
};

export const any = (number: number): Field<AnyMessage> => of(number, ANY);

function read(from: ProtobufReader): AnyMessage {
  const outer = from.enter();
  let typeUrl = "";
  let bytes: Uint8Array = new Uint8Array();
  while (!from.done) {
    const number = from.tag();
    expectWireType(from, LENGTH);
    if (number === 1) typeUrl = from.string();
    else if (number === 2) bytes = from.bytes();
    else throw new ProtobufError(`unknown field number ${number} in google.protobuf.Any`);
  }
  from.leave(outer);
  return { typeUrl, bytes };
}

function fromJson(value: unknown, depth: number): AnyMessage {
  const { "@type": typeUrl, ...rest } = expectObject(value, "google.protobuf.Any");
  if (typeof typeUrl !== "string") throw new FieldError('expected the type\'s URL under "@type"');
  const type = typeOfUrl(typeUrl);
  if (type === undefined) throw new FieldError(`unknown type ${JSON.stringify(typeUrl.slice(0, 200))}`, "@type");
  return pack(type, type.fromJson(rest, depth));
}

/** Of bytes that no table can read only the count is shown: a dump must not fail on them, and they may hold a secret. */
function toJson(value: AnyMessage): unknown {
  const type = typeOfUrl(value.typeUrl);
  try {
    if (type !== undefined) return { "@type": value.typeUrl, ...(type.toJson(unpack(value, type)) as object) };
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
  }
  return { "@type": value.typeUrl, unreadable_bytes: value.bytes.length };
}
