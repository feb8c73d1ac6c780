/**
 * What becomes of a path that a rewrite or a redirect changes.
 *
 * Source: the table of the Gateway API's `HTTPPathModifier`: a prefix is replaced by whole elements, so that neither a slash too
 * many nor an empty path comes of it.
 *
 * @module
 */
import type { PathModifier } from "../../model/gateway-api/route.ts";
import type { RouteAction } from "../../xds/proto/route-action.ts";
import { escapeRegex } from "../string-matcher.ts";
import { prefixOf } from "./request-match.ts";

export type PathRewrite = Pick<RouteAction, "prefixRewrite" | "regexRewrite">;

/** @param matched The prefix that the rule matched; only looked at where it is replaced. */
export function pathRewrite(path: PathModifier | undefined, matched: string): PathRewrite {
  if (path === undefined) return {};
  if (path.t === "ReplaceFullPath") return byRegex(".*", literally(absolute(path.value)));
  const prefix = prefixOf(matched);
  const value = path.value.replace(/\/+$/, "");
  if (prefix === "/") return value === "" ? {} : { prefixRewrite: `${absolute(value)}/` };
  if (value !== "") return { prefixRewrite: absolute(value) };
  return byRegex(`${escapeRegex(prefix)}/?(.*)`, "/\\1");
}

const byRegex = (regex: string, substitution: string): PathRewrite => ({
  regexRewrite: { pattern: { regex: `^${regex}$` }, substitution },
});

const absolute = (value: string): string => (value.startsWith("/") ? value : `/${value}`);

/** Backslashes begin references to groups. */
const literally = (text: string): string => text.replaceAll("\\", "\\\\");
