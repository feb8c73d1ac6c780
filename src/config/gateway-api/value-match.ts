/**
 * Matches of headers and query parameters.
 *
 * @module
 */
import type { StringMatch } from "../../model/match.ts";
import type { Node, Read } from "../node.ts";
import { choice, text } from "../read-values.ts";
import { regex } from "../regex.ts";
import { listOf } from "./lists.ts";
import { headerName } from "./names.ts";

interface NamedMatch {
  readonly name: string;
  readonly match: StringMatch;
}

function namedMatch(node: Node): NamedMatch {
  const fields = node.fields({ known: ["type", "name", "value"] });
  const type = fields.optional("type", choice(["Exact", "RegularExpression"])) ?? "Exact";
  return {
    name: fields.required("name", headerName, ""),
    match:
      type === "Exact"
        ? { t: "exact", value: fields.required("value", text, "") }
        : { t: "regex", value: fields.required("value", regex, "") },
  };
}

const byName = (matches: readonly NamedMatch[]): Readonly<Record<string, StringMatch>> =>
  Object.fromEntries(matches.map(({ name, match }) => [name, match]));

/** Names have no case: they come out in lower case. */
export const headerMatches: Read<Readonly<Record<string, StringMatch>>> = (node) => {
  const lower = (n: Node): NamedMatch => {
    const { name, match } = namedMatch(n);
    return { name: name.toLowerCase(), match };
  };
  return byName(listOf(lower, { max: 16, key: (m) => m.name })(node));
};

export const queryMatches: Read<Readonly<Record<string, StringMatch>>> = (node) =>
  byName(listOf(namedMatch, { max: 16, key: (m) => m.name })(node));
