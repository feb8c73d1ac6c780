/**
 * `headers` of an http rule or of one destination: what is set, added and removed.
 *
 * @module
 */
import { HEADER_OPERATORS, operatorProblem, PLAIN_OPERATORS } from "../model/header-operators.ts";
import type { HeaderEdits, HeaderOperations } from "../model/virtual-service.ts";
import { didYouMean } from "./did-you-mean.ts";
import { headerValue, isHeaderName, textMap } from "./names.ts";
import type { Node, Read } from "./node.ts";
import { text } from "./read-values.ts";
import { quote } from "./tree.ts";

const NONE: HeaderOperations = { set: {}, add: {}, remove: [] };

export function headerEdits(node: Node): HeaderEdits {
  const fields = node.fields({ known: ["request", "response"] });
  return {
    request: fields.optional("request", operations(true)) ?? NONE,
    response: fields.optional("response", operations(false)) ?? NONE,
  };
}

const isAuthority = (name: string): boolean => [":authority", "host"].includes(name.toLowerCase());

/** Whether the edits write the authority, which `rewrite` does as well. */
export function setsAuthority(edits: HeaderEdits): boolean {
  return [...Object.keys(edits.request.set), ...Object.keys(edits.request.add)].some(isAuthority);
}

/** The authority may be set on a request; other pseudo headers may not be touched. */
function operations(authority: boolean): Read<HeaderOperations> {
  const checkName = (name: string, at: Node): void => {
    const allowed = isAuthority(name) ? authority : isHeaderName(name);
    if (!allowed) at.failAtKey(`${quote(name)} is not a header that can be edited here`);
  };
  const written = textMap(checkName, formattedValue);
  return (node) => {
    const fields = node.fields({ known: ["set", "add", "remove"] });
    return {
      set: fields.optional("set", written) ?? {},
      add: fields.optional("add", written) ?? {},
      remove: fields.list("remove", removed),
    };
  };
}

/** A header's value, whose operators the proxies know. */
function formattedValue(node: Node): string {
  const value = headerValue(node);
  const problem = operatorProblem(value);
  if (problem === undefined) return value;
  const { mustHold, name } = problem;
  if (mustHold !== undefined) node.fail(`the operator %${name}% ${mustHold}, found ${quote(value)}`);
  else
    node.fail(
      `the operator %${name}% is not supported in headers${didYouMean(name, OPERATORS)} (known: ${OPERATORS.join(", ")}; %% is a percent sign)`,
    );
  return value;
}

const OPERATORS = [...HEADER_OPERATORS.map((name) => `${name}(X)`), ...PLAIN_OPERATORS];

function removed(node: Node): string {
  const name = text(node);
  if (name !== "" && (isAuthority(name) || !isHeaderName(name)))
    node.fail(`${quote(name)} is not a header that can be removed`);
  return name;
}
