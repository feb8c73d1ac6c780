/**
 * Checks that a regular expression is RE2's, which is what runs in the proxy: no look-ahead, no back-references.
 *
 * @module
 */
import { createRequire } from "node:module";
import type { Node } from "./node.ts";
import { text } from "./read-values.ts";
import { quote } from "./tree.ts";

/** Some kilobytes of expression compile to megabytes of program. */
const MAX_REGEX_LENGTH = 2_048;

type Compile = (pattern: string) => { readonly groupCount: () => number };
let compile: Compile | undefined;

/** Loaded when the first document with an expression comes: most have none. */
function compiler(): Compile {
  if (compile === undefined) {
    const { RE2JS } = createRequire(import.meta.url)("re2js") as { readonly RE2JS: { readonly compile: Compile } };
    compile = (pattern) => RE2JS.compile(pattern);
  }
  return compile;
}

export function regex(node: Node): string {
  const value = text(node);
  if (value.length > MAX_REGEX_LENGTH) {
    node.fail(`a regular expression may have ${MAX_REGEX_LENGTH} characters, found ${value.length}`);
    return "";
  }
  const fault = regexFault(value);
  if (value !== "" && fault !== undefined)
    node.fail(`must be a regular expression in RE2 syntax, found ${quote(value)}: ${fault}`);
  return value;
}

function regexFault(value: string): string | undefined {
  try {
    compiler()(value);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** How many groups an expression has, which must be one. */
export function groupsIn(pattern: string): number {
  try {
    return compiler()(pattern).groupCount();
  } catch {
    return 9;
  }
}
