/**
 * Header edits of routes, virtual hosts and route configurations, compiled.
 *
 * Source: Envoy's order. The most specific level is applied first (weighted cluster, route, virtual host, route
 * configuration), so the least specific has the last word; `most_specific_header_mutations_wins` turns it round. The order
 * within a level is that of `apply-edits.ts`.
 *
 * @module
 */
import type { HeaderValueOption } from "../../xds/proto/core-base.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import type { HeaderOperation } from "../http.ts";
import { compileFormat } from "../substitution.ts";
import { wireText } from "../match/wire-text.ts";

/** What each of the four levels may hold. */
export interface HeaderEdits {
  readonly requestHeadersToAdd?: readonly HeaderValueOption[] | undefined;
  readonly requestHeadersToRemove?: readonly string[] | undefined;
  readonly responseHeadersToAdd?: readonly HeaderValueOption[] | undefined;
  readonly responseHeadersToRemove?: readonly string[] | undefined;
}

export interface CompiledEdits {
  readonly request: readonly HeaderOperation[];
  readonly response: readonly HeaderOperation[];
}

/** The names in {@link HeaderEdits}, for {@link refuseOthers}. */
export const HEADER_EDITS = [
  "requestHeadersToAdd",
  "requestHeadersToRemove",
  "responseHeadersToAdd",
  "responseHeadersToRemove",
] as const;

/** One level. @throws {CompileError} */
export function compileEdits(edits: HeaderEdits, path: string): CompiledEdits {
  const at = (field: keyof HeaderEdits): string => fieldPath(path, field);
  return {
    request: level([
      ...removals(edits.requestHeadersToRemove, at("requestHeadersToRemove")),
      ...additions(edits.requestHeadersToAdd, at("requestHeadersToAdd")),
    ]),
    response: level([
      ...removals(edits.responseHeadersToRemove, at("responseHeadersToRemove")),
      ...additions(edits.responseHeadersToAdd, at("responseHeadersToAdd")),
    ]),
  };
}

const level = ([first, ...others]: readonly HeaderOperation[]): readonly HeaderOperation[] =>
  first === undefined ? [] : [{ ...first, opensLevel: true }, ...others];

/** @param levels The most specific first. */
export function joinEdits(levels: readonly CompiledEdits[], mostSpecificWins: boolean): CompiledEdits {
  const ordered = (mostSpecificWins ? levels.toReversed() : levels).filter(
    (level) => level.request.length + level.response.length > 0,
  );
  const [only] = ordered;
  if (only === undefined) return NO_EDITS;
  if (ordered.length === 1) return only;
  return { request: ordered.flatMap((level) => level.request), response: ordered.flatMap((level) => level.response) };
}

export const NO_EDITS: CompiledEdits = { request: [], response: [] };

function removals(names: readonly string[] | undefined, path: string): readonly HeaderOperation[] {
  return (names ?? []).map((name, i) => {
    const lowerName = headerName(name, `${path}[${i}]`);
    return { t: "remove", name, lowerName, value: undefined, format: undefined, keepEmpty: false };
  });
}

function additions(options: readonly HeaderValueOption[] | undefined, path: string): readonly HeaderOperation[] {
  return (options ?? []).flatMap((option, i) => addition(option, `${path}[${i}]`) ?? []);
}

const ACTIONS = {
  APPEND_IF_EXISTS_OR_ADD: "append",
  ADD_IF_ABSENT: "addIfAbsent",
  OVERWRITE_IF_EXISTS_OR_ADD: "set",
  OVERWRITE_IF_EXISTS: "setIfPresent",
} as const;

/** Undefined for an empty value that is not to be kept: nothing happens. */
function addition(option: HeaderValueOption, path: string): HeaderOperation | undefined {
  refuseOthers(option, path, new Set(["header", "append", "appendAction", "keepEmptyValue"]));
  const header = option.header ?? {};
  refuseOthers(header, `${path}.header`, new Set(["key", "value", "rawValue"]));
  const name = header.key ?? "";
  const lowerName = headerName(name, `${path}.header.key`);
  const compiled = valueOf(header, `${path}.header.value`);
  const keepEmpty = option.keepEmptyValue === true;
  if (compiled === "" && !keepEmpty) return undefined;
  const isConstant = typeof compiled === "string";
  return {
    t: actionOf(option),
    name,
    lowerName,
    value: isConstant ? compiled : undefined,
    format: isConstant ? undefined : compiled,
    keepEmpty,
  };
}

function valueOf(header: NonNullable<HeaderValueOption["header"]>, path: string): ReturnType<typeof compileFormat> {
  if (header.rawValue !== undefined) return noLineBreak(Buffer.from(header.rawValue).toString("latin1"), path);
  return compileFormat(noLineBreak(header.value ?? "", path), path);
}

function noLineBreak(value: string, path: string): string {
  if (/[\r\n\0]/.test(value)) throw new CompileError(path, "must hold no line break and no NUL");
  return value;
}

/** The old `append` wins where it is set, as in Envoy. */
function actionOf({ append, appendAction }: HeaderValueOption): HeaderOperation["t"] {
  if (append !== undefined) return append ? "append" : "set";
  return ACTIONS[appendAction ?? "APPEND_IF_EXISTS_OR_ADD"];
}

/** Edits of these could make two messages of one. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "connection"]);

function headerName(name: string, path: string): string {
  const lower = wireText(name).toLowerCase();
  if (lower.startsWith(":") || lower === "host") {
    throw new CompileError(path, `must name neither a pseudo-header nor host, found "${name}"`);
  }
  if (FRAMING.has(lower)) throw new CompileError(path, `is set by the proxy and cannot be edited, found "${name}"`);
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower)) {
    throw new CompileError(path, `must be a header's name, found ${JSON.stringify(name)}`);
  }
  return lower;
}
