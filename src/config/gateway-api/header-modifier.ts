/**
 * RequestHeaderModifier and ResponseHeaderModifier.
 *
 * @module
 */
import type { HeaderOperations } from "../../model/virtual-service.ts";
import { headerValue } from "../names.ts";
import type { Node } from "../node.ts";
import { listOf } from "./lists.ts";
import { headerName } from "./names.ts";

const MAX_ITEMS = 16;

export function headerModifier(node: Node): HeaderOperations {
  const fields = node.fields({ known: ["set", "add", "remove"] });
  const written = listOf(header, { max: MAX_ITEMS, key: ({ name }) => name.toLowerCase() });
  const named = (headers: readonly Header[]): Readonly<Record<string, string>> =>
    Object.fromEntries(headers.map(({ name, value }) => [name, value]));
  return {
    set: named(fields.optional("set", written) ?? []),
    add: named(fields.optional("add", written) ?? []),
    remove: fields.optional("remove", listOf(removed, { max: MAX_ITEMS, key: (name) => name.toLowerCase() })) ?? [],
  };
}

interface Header {
  readonly name: string;
  readonly value: string;
}

function header(node: Node): Header {
  const fields = node.fields({ known: ["name", "value"] });
  // Text of the document, not a format: a percent sign is one.
  const value = fields.required("value", headerValue, "").replaceAll("%", "%%");
  return { name: fields.required("name", headerName, ""), value };
}

function removed(node: Node): string {
  const name = headerName(node);
  if (name.toLowerCase() === "host") node.fail("cannot be removed: every request has a host");
  return name;
}
