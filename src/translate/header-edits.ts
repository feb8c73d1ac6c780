/**
 * Header edits of a rule or of a destination.
 *
 * Values are format strings to Envoy, as in Istio: `%DOWNSTREAM_REMOTE_ADDRESS%` is replaced (`model/header-operators.ts`).
 *
 * @module
 */
import { withPercentsDoubled } from "../model/header-operators.ts";
import type { HeaderEdits, HeaderOperations } from "../model/virtual-service.ts";
import type { HeaderAppendAction, HeaderValueOption } from "../xds/proto/core-base.ts";

export interface EnvoyHeaderEdits {
  readonly requestHeadersToAdd: readonly HeaderValueOption[] | undefined;
  readonly requestHeadersToRemove: readonly string[] | undefined;
  readonly responseHeadersToAdd: readonly HeaderValueOption[] | undefined;
  readonly responseHeadersToRemove: readonly string[] | undefined;
}

/** What several levels do, the first first. */
export function headerEdits(...levels: readonly HeaderEdits[]): EnvoyHeaderEdits {
  return {
    requestHeadersToAdd: some(levels.flatMap((l) => written(l.request))),
    requestHeadersToRemove: some(levels.flatMap((l) => removed(l.request))),
    responseHeadersToAdd: some(levels.flatMap((l) => written(l.response))),
    responseHeadersToRemove: some(levels.flatMap((l) => removed(l.response))),
  };
}

/** The authority that the edits give the request. Envoy sets it by a field of its own. */
export function editedAuthority(edits: HeaderEdits): string | undefined {
  const { set, add } = edits.request;
  return [...Object.entries(set), ...Object.entries(add)].find(([name]) => isAuthority(name))?.[1];
}

const isAuthority = (name: string): boolean => [":authority", "host"].includes(name.toLowerCase());

function written({ set, add }: HeaderOperations): readonly HeaderValueOption[] {
  return [...options(set, "OVERWRITE_IF_EXISTS_OR_ADD"), ...options(add, "APPEND_IF_EXISTS_OR_ADD")];
}

function options(
  headers: Readonly<Record<string, string>>,
  appendAction: HeaderAppendAction,
): readonly HeaderValueOption[] {
  return Object.entries(headers)
    .filter(([name]) => !isAuthority(name))
    .map(([name, value]) => ({
      header: { key: name.toLowerCase(), value: withPercentsDoubled(value) },
      appendAction,
      keepEmptyValue: value === "" ? true : undefined,
    }));
}

const removed = ({ remove }: HeaderOperations): readonly string[] =>
  remove.filter((name) => name !== "").map((name) => name.toLowerCase());

const some = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);
