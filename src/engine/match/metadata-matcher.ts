/**
 * `envoy.type.matcher.v3.MetadataMatcher`, compiled: of what filters before the routes have found out about a request.
 *
 * No filter of ours says anything before its route is chosen, so in traffic there is nothing to match: as in an Envoy with the same
 * filters, such a matcher holds only where it is inverted.
 *
 * @module
 */
import type { DoubleMatcher, MetadataMatcher, ValueMatcher } from "../../xds/proto/matcher.ts";
import type { JsonObject, JsonValue } from "../../xds/types/struct.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import type { Check } from "./check.ts";
import { compileStringMatcher } from "./string-matcher.ts";

/** @throws {CompileError} */
export function compileMetadataMatchers(
  matchers: readonly MetadataMatcher[] | undefined,
  path: string,
): readonly Check[] {
  return (matchers ?? []).map((matcher, i) => compileMetadataMatcher(matcher, `${path}[${i}]`));
}

const KNOWN = new Set(["filter", "path", "value", "invert"]);

function compileMetadataMatcher(matcher: MetadataMatcher, path: string): Check {
  refuseOthers(matcher, path, KNOWN);
  const { filter = "", invert = false, value } = matcher;
  const keys = (matcher.path ?? []).map(({ key = "" }) => key);
  if (filter === "") throw new CompileError(`${path}.filter`, "must not be empty");
  if (keys.length === 0 || keys.includes("")) throw new CompileError(`${path}.path`, "must name a key at each step");
  if (value === undefined) throw new CompileError(`${path}.value`, "must be set");
  const test = compileValue(value, fieldPath(path, "value"));
  const name = [filter, ...keys].join(" ");
  return {
    test: (request) => test(valueAt(request.dynamicMetadata?.(filter), keys)) !== invert,
    explain: (request) => {
      const found = valueAt(request.dynamicMetadata?.(filter), keys);
      const wanted = `${invert ? "not " : ""}${JSON.stringify(value)}`;
      return `metadata ${name}: wanted ${wanted}, found ${found === undefined ? "nothing" : JSON.stringify(found)}`;
    },
  };
}

function valueAt(metadata: JsonObject | undefined, keys: readonly string[]): JsonValue | undefined {
  let at: JsonValue | undefined = metadata;
  for (const key of keys) {
    if (!isObject(at) || !Object.hasOwn(at, key)) return undefined;
    at = at[key];
  }
  return at;
}

const isList = (value: JsonValue | undefined): value is readonly JsonValue[] => Array.isArray(value);
const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !isList(value);

type ValueTest = (value: JsonValue | undefined) => boolean;

/** A value that is not there passes none. */
function compileValue(matcher: ValueMatcher, path: string): ValueTest {
  const { boolMatch, doubleMatch, listMatch, nullMatch, orMatch, presentMatch, stringMatch } = matcher;
  if (stringMatch !== undefined) {
    const { test } = compileStringMatcher(stringMatch, fieldPath(path, "stringMatch"));
    return (value) => typeof value === "string" && test(value);
  }
  if (nullMatch !== undefined) return (value) => value === null;
  if (boolMatch !== undefined) return (value) => value === boolMatch;
  if (presentMatch !== undefined) return (value) => presentMatch && value !== undefined;
  if (doubleMatch !== undefined) return compileDouble(doubleMatch, fieldPath(path, "doubleMatch"));
  if (listMatch?.oneOf !== undefined) {
    const one = compileValue(listMatch.oneOf, `${fieldPath(path, "listMatch")}.one_of`);
    return (value) => isList(value) && value.some(one);
  }
  const tests = (orMatch?.valueMatchers ?? []).map((each, i) =>
    compileValue(each, `${fieldPath(path, "orMatch")}.value_matchers[${i}]`),
  );
  if (tests.length === 0) throw new CompileError(path, "must hold a matcher");
  return (value) => tests.some((test) => test(value));
}

/** A range begins with its start, and ends before its end. */
function compileDouble({ exact, range }: DoubleMatcher, path: string): ValueTest {
  if (exact !== undefined) return (value) => value === exact;
  if (range === undefined) throw new CompileError(path, "must hold exact or range");
  const { end = 0, start = 0 } = range;
  return (value) => typeof value === "number" && value >= start && value < end;
}
