/**
 * Path rewrites. The query is kept.
 *
 * @module
 */
import type { RegexMatchAndSubstitute } from "../../xds/proto/matcher.ts";
import { CompileError, fieldPath } from "../compile-error.ts";
import { compileSubstitution } from "../match/regex.ts";
import { wireText } from "../match/wire-text.ts";
import { pathOnly } from "../request.ts";
import type { PathCheck } from "../match/path-matcher.ts";

export interface RewriteFields {
  readonly prefixRewrite?: string | undefined;
  readonly regexRewrite?: RegexMatchAndSubstitute | undefined;
}

/** From a path with its query to a path with its query; undefined when nothing is rewritten. @throws {CompileError} */
export function compileRewrite(
  { prefixRewrite, regexRewrite }: RewriteFields,
  matched: PathCheck,
  path: string,
): ((path: string) => string) | undefined {
  requireTarget(prefixRewrite, fieldPath(path, "prefixRewrite"));
  requireTarget(regexRewrite?.substitution, fieldPath(path, "regexRewrite.substitution"));
  const hasPrefix = prefixRewrite !== undefined && prefixRewrite !== "";
  if (regexRewrite === undefined) return hasPrefix ? prefixReplacer(prefixRewrite, matched.matchedLength) : undefined;
  const at = fieldPath(path, "regexRewrite");
  if (hasPrefix) throw new CompileError(at, "cannot stand beside prefix_rewrite");
  const substitute = compileSubstitution(regexRewrite, at);
  return (whole) => {
    const only = pathOnly(whole);
    return substitute(only) + whole.slice(only.length);
  };
}

/** What is written into a request line must not end it (RFC 9112 §3.2). @throws {CompileError} */
function requireTarget(text: string | undefined, path: string): void {
  const at = (text ?? "").search(/[^!-~\u0080-\u00ff]|#/);
  if (at >= 0)
    throw new CompileError(path, `must be of a path's characters, found ${JSON.stringify(text?.[at])} at ${at}`);
}

function prefixReplacer(configured: string, matchedLength: PathCheck["matchedLength"]): (path: string) => string {
  const prefix = wireText(configured);
  if (matchedLength === "all") return (whole) => prefix + whole.slice(pathOnly(whole).length);
  return (whole) => prefix + whole.slice(matchedLength);
}
