/**
 * Holds every message table against Envoy's own definitions, and our codec against another implementation of protobuf.
 *
 * The definitions are of about Envoy 1.33. What is newer, or not Envoy's, is named in {@link NEWER} and {@link ELSEWHERE}.
 */
import { describe, expect, test } from "bun:test";
import { type DescEnum, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { fromBinary, fromJson as theirFromJson, toBinary, toJson as theirToJson } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import "../src/xds/proto/all.ts";
import { decode, encode, fromJson, toJson } from "../src/xds/types/codec.ts";
import type { Codec, Field } from "../src/xds/types/field.ts";
import type { Column, MessageType } from "../src/xds/types/message.ts";
import { registeredTypes } from "../src/xds/types/registry.ts";
import { NEWER, protoRegistry } from "./support/protos.ts";
import { isEnum, messages } from "./support/protos-values.ts";

/** Messages that the definitions do not have, and where they are from. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ["envoy.extensions.resource_monitors.cgroup_memory.v3.CgroupMemoryConfig", "Envoy 1.34: after the definitions"],
  ["envoy.Cookie", "Envoy's own source: what its session cookie holds"],
  ["google.protobuf.Empty", "protobuf itself; no fields"],
  ["istio.v1.auth.IstioCertificateRequest", "istio/api security/v1alpha1/ca.proto"],
  ["istio.v1.auth.IstioCertificateResponse", "istio/api security/v1alpha1/ca.proto"],
  ["grpc.health.v1.HealthCheckRequest", "grpc/grpc health/v1/health.proto"],
  ["grpc.health.v1.HealthCheckResponse", "grpc/grpc health/v1/health.proto"],
  ["tulle.balancing.v1.PeakEwma", "our own balancer"],
  ["tulle.identity.v1.Agent", "our own extension of the bootstrap"],
  ["tulle.identity.v1.Identity", "our own extension of the bootstrap"],
  ["tulle.sessions.v1.KeptSession", "our own filter for sessions"],
  ["tulle.sessions.v1.SessionValue", "what its cookie holds"],
  ["tulle.overload.v1.EventLoopDelayConfig", "our own resource monitor"],
]);

const registry = protoRegistry();
const seed = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`xds-protos: TULLE_SEED=${seed}`);

const known = registeredTypes().filter((type) => !ELSEWHERE.has(type.name) && !type.name.startsWith("test."));

/** Secrets in a message are printed as `[redacted]`, so its JSON cannot be read back. */
const REDACTED = /\[redacted\]|W3JlZGFjdGVkXQ==/;

describe("tables", () => {
  test("every table is checked", () => {
    expect(known.length).toBeGreaterThan(250);
    expect(known.filter((type) => descOf(type) === undefined).map((type) => type.name)).toEqual([]);
  });

  test("each field has the name, number, type, cardinality and oneof of the definition", () => {
    expect(known.flatMap(problemsOf)).toEqual([]);
  });

  test("a wrong table is found", () => {
    const real = known.find((type) => type.name === "envoy.config.core.v3.SocketAddress") as MessageType<unknown>;
    const [first, ...others] = real.columns as readonly [Column, ...Column[]];
    const port = others.find((column) => column.protoName === "port_value") as Column;
    const lies: readonly Column[] = [
      { ...first, protoName: "protocoll" },
      { ...port, field: changed(port.field, { codec: first.field.codec }) },
      { ...port, field: changed(port.field, { cardinality: "many" }) },
      { ...port, field: changed(port.field, { options: {} }) },
    ];
    for (const lie of lies)
      expect(problemsOf({ ...real, name: real.name, columns: [lie] } as typeof real)).not.toEqual([]);
  });
});

describe("codec, against another implementation", () => {
  for (const type of known) test(type.name, () => bothWays(type), 60_000);
});

function bothWays(type: MessageType<unknown>): void {
  const desc = descOf(type) as DescMessage;
  const check = (message: unknown): void => {
    const theirs = fromBinary(desc, encode(type, message));
    expect(unknownIn(theirs)).toBe(false);
    expect(decode(type, toBinary(desc, theirs))).toEqual(message);
    const json = theirToJson(desc, theirs, { registry, useProtoFieldName: true });
    expect(fromJson(type, json)).toEqual(message);
    expect(fromJson(type, theirToJson(desc, theirs, { registry }))).toEqual(message);
    const printed = toJson(type, message) as never;
    if (!REDACTED.test(JSON.stringify(printed))) expect(theirFromJson(desc, printed, { registry })).toEqual(theirs);
  };
  fc.assert(fc.property(messages(type), check), { seed, numRuns: 20 });
}

function problemsOf(type: MessageType<unknown>): readonly string[] {
  const desc = descOf(type);
  if (desc === undefined) return [`${type.name}: no such message`];
  const ignored = [...type.ignored].filter((number) => !desc.fields.some((field) => field.number === number));
  return [
    ...type.columns.flatMap((column) => fieldProblems(`${type.name}.${column.protoName}`, column, desc)),
    ...ignored.map((number) => `${type.name}: ignores field ${number}, which is not defined`),
  ];
}

function fieldProblems(path: string, column: Column, desc: DescMessage): readonly string[] {
  if (NEWER.has(path)) return [];
  const theirs = desc.fields.find((field) => field.number === column.field.number);
  if (theirs === undefined) return [`${path}: no field ${column.field.number}`];
  const ours = describeOurs(column);
  const wanted = describeTheirs(theirs);
  const enumProblems = isEnum(column.field.codec) && theirs.enum ? valueProblems(column.field.codec, theirs.enum) : [];
  return [...(ours === wanted ? [] : [`${path}: ${ours}, but the definition says ${wanted}`]), ...enumProblems];
}

function describeOurs({ key, protoName, field }: Column): string {
  const shape = { one: "", many: "repeated ", map: "map of " }[field.cardinality];
  return `${protoName} (${key}) = ${field.number}: ${shape}${field.codec.name} in ${field.options.oneof ?? "no oneof"}`;
}

function describeTheirs(field: DescField): string {
  const shape = field.fieldKind === "list" ? "repeated " : field.fieldKind === "map" ? "map of " : "";
  const scalar = field.scalar === undefined ? "" : (ScalarType[field.scalar] ?? "").toLowerCase();
  const type = field.message?.typeName ?? field.enum?.typeName ?? scalar;
  const key = field.fieldKind === "map" && field.mapKey !== ScalarType.STRING ? " with keys that are not text" : "";
  return `${field.name} (${field.jsonName}) = ${field.number}: ${shape}${type}${key} in ${field.oneof?.name ?? "no oneof"}`;
}

function valueProblems(
  ours: Codec<unknown> & { readonly numbers: Readonly<Record<string, number>> },
  theirs: DescEnum,
) {
  const wanted = theirs.values.map(({ name, number }) => `${name}=${number}`);
  const found = Object.entries(ours.numbers).map(([name, number]) => `${name}=${number}`);
  return [
    ...found.filter((value) => !wanted.includes(value) && !NEWER.has(`${ours.name}.${value}`)),
    ...wanted.filter((value) => !found.includes(value)),
  ].map((value) => `${ours.name}: ${value} on one side only`);
}

function descOf(type: MessageType<unknown>): DescMessage | undefined {
  return registry.getMessage(type.name);
}

function changed(field: Field<unknown>, members: Partial<Field<unknown>>): Field<unknown> {
  const { number, codec, cardinality, options } = field;
  return { number, codec, cardinality, options, ...members } as Field<unknown>;
}

/** Whether a message, or one inside it, holds fields that its definition does not have. */
function unknownIn(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(unknownIn);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  return (value as Message).$unknown !== undefined || Object.values(value).some(unknownIn);
}
