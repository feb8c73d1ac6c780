/**
 * Duration and Timestamp. A duration is a number of milliseconds, a timestamp one of milliseconds since 1970; both may
 * have fractions, down to nanoseconds.
 *
 * Source: google/protobuf/duration.proto and timestamp.proto for ranges and JSON forms.
 *
 * @module
 */
import { LENGTH, ProtobufError, VARINT } from "../../wire/protobuf.ts";
import type { ProtobufReader } from "../../wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import { type Codec, expectWireType, type Field, of } from "./field.ts";
import { FieldError, kindOf } from "./field-error.ts";

/** About 10 000 years. */
const MAX_DURATION_S = 315_576_000_000;
/** The years 1 to 9999. */
const MIN_TIMESTAMP_S = -62_135_596_800;
const MAX_TIMESTAMP_S = 253_402_300_799;

interface Parts {
  readonly seconds: number;
  readonly nanos: number;
}

const DURATION: Codec<number> = {
  name: "google.protobuf.Duration",
  wireType: LENGTH,
  write: (to, ms) => writeParts(to, durationParts(ms)),
  read: (from) => checkedDuration(readParts(from)),
  fromJson: durationFromJson,
  toJson: durationToJson,
};

const TIMESTAMP: Codec<number> = {
  name: "google.protobuf.Timestamp",
  wireType: LENGTH,
  write: (to, ms) => writeParts(to, timestampParts(ms)),
  read: (from) => checkedTimestamp(readParts(from)),
  fromJson: timestampFromJson,
  toJson: timestampToJson,
};

/** Milliseconds. */
export const duration = (number: number): Field<number> => of(number, DURATION);
/** Milliseconds since 1970. */
export const timestamp = (number: number): Field<number> => of(number, TIMESTAMP);

function durationParts(ms: number): Parts {
  let seconds = Math.trunc(ms / 1000);
  let nanos = Math.round((ms - seconds * 1000) * 1e6);
  if (Math.abs(nanos) === 1e9) {
    seconds += Math.sign(nanos);
    nanos = 0;
  }
  checkedDuration({ seconds, nanos });
  return { seconds, nanos };
}

function checkedDuration({ seconds, nanos }: Parts): number {
  const inRange = Math.abs(seconds) <= MAX_DURATION_S && Math.abs(nanos) < 1e9;
  if (inRange && Math.sign(seconds) * Math.sign(nanos) >= 0) return seconds * 1000 + nanos / 1e6;
  throw new ProtobufError(`not a duration: ${seconds} s and ${nanos} ns`);
}

function timestampParts(ms: number): Parts {
  let seconds = Math.floor(ms / 1000);
  let nanos = Math.round((ms - seconds * 1000) * 1e6);
  if (nanos === 1e9) {
    seconds += 1;
    nanos = 0;
  }
  checkedTimestamp({ seconds, nanos });
  return { seconds, nanos };
}

function checkedTimestamp({ seconds, nanos }: Parts): number {
  if (seconds >= MIN_TIMESTAMP_S && seconds <= MAX_TIMESTAMP_S && nanos >= 0 && nanos < 1e9) {
    return seconds * 1000 + nanos / 1e6;
  }
  throw new ProtobufError(`not a timestamp: ${seconds} s and ${nanos} ns`);
}

function writeParts(to: ProtobufWriter, { seconds, nanos }: Parts): void {
  const mark = to.begin();
  if (seconds !== 0) {
    to.tag(1, VARINT);
    to.int64(seconds);
  }
  if (nanos !== 0) {
    to.tag(2, VARINT);
    to.int32(nanos);
  }
  to.end(mark);
}

function readParts(from: ProtobufReader): Parts {
  const outer = from.enter();
  let seconds = 0;
  let nanos = 0;
  while (!from.done) {
    const number = from.tag();
    expectWireType(from, VARINT);
    if (number === 1) seconds = from.int64();
    else if (number === 2) nanos = from.int32();
    else throw new ProtobufError(`unknown field number ${number} in a Duration or Timestamp`);
  }
  from.leave(outer);
  return { seconds, nanos };
}

function durationFromJson(value: unknown): number {
  const match = typeof value === "string" ? /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(value) : null;
  if (match === null) {
    const found = typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : kindOf(value);
    throw new FieldError(`expected a duration in seconds such as "1.5s", found ${found}`);
  }
  const [, sign, whole, fraction = ""] = match;
  const ms = Number(whole) * 1000 + Number(fraction.padEnd(9, "0")) / 1e6;
  return checkedDuration(durationParts(sign === "-" ? -ms : ms));
}

function durationToJson(ms: number): string {
  const { seconds, nanos } = durationParts(ms);
  const sign = ms < 0 ? "-" : "";
  return `${sign}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s`;
}

function timestampFromJson(value: unknown): number {
  const pattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[-+]\d\d:\d\d)$/;
  const match = typeof value === "string" ? pattern.exec(value) : null;
  const secondsMs = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(secondsMs)) throw new FieldError('expected a time such as "2026-01-31T12:00:00.5Z" (RFC 3339)');
  return secondsMs + Number((match?.[2] ?? "").padEnd(9, "0")) / 1e6;
}

function timestampToJson(ms: number): string {
  const { seconds, nanos } = timestampParts(ms);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction(nanos)}Z`;
}

/** None, 3, 6 or 9 digits, as protobuf's JSON has them. */
function fraction(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  return `.${digits.endsWith("000000") ? digits.slice(0, 3) : digits.endsWith("000") ? digits.slice(0, 6) : digits}`;
}
