/**
 * Field sections as strings, for those who are not in a hurry.
 *
 * @module
 */
import type { Head } from "../http1/head.ts";
import { ID } from "../http1/known.ts";
import type { RequestHead } from "../http1/request-head.ts";
import type { ResponseHead } from "../http1/response-head.ts";
import type { FieldWriter } from "./field-writer.ts";

/** Names and values in turn: `[":method", "GET", "accept", "*" + "/*"]`. Strings are Latin-1: one character a byte. */
export type Fields = readonly string[];

/** The value of the first field called `name`. */
export function fieldValue(fields: Fields, name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
  return undefined;
}

export function requestFields(head: RequestHead): Fields {
  const pseudo = [":method", head.method];
  if (head.scheme !== "") pseudo.push(":scheme", head.scheme);
  if (head.path !== "") pseudo.push(":path", head.path);
  if (head.protocol !== "") pseudo.push(":protocol", head.protocol);
  if (head.authority !== "") pseudo.push(":authority", head.authority);
  return [...pseudo, ...regularFields(head, ID.host)];
}

export const responseFields = (head: ResponseHead): Fields => [
  ":status",
  String(head.status),
  ...regularFields(head, 0),
];

/** The lines of a head but for those with the known id `without`. */
export function regularFields(head: Head, without: number): string[] {
  const fields: string[] = [];
  for (let i = 0; i < head.count; i++)
    if (without === 0 || head.ids[i] !== without) fields.push(head.name(i), head.value(i));
  return fields;
}

/** @throws {RangeError} If a name or value is not Latin-1: cutting characters down to bytes would let a harmless one turn into a line end. */
export function writeFields(writer: FieldWriter, fields: Fields): void {
  for (const text of fields) {
    if (/[^\0-\xff]/.test(text))
      throw new RangeError(`Cannot encode a field: it must be Latin-1, found ${JSON.stringify(text)}`);
  }
  const pseudo = (name: string): string => fieldValue(fields, name) ?? "";
  const status = pseudo(":status");
  if (status !== "") writer.status(Number(status));
  else if (pseudo(":method") !== "")
    writer.request(pseudo(":method"), pseudo(":scheme"), pseudo(":authority"), pseudo(":path"), pseudo(":protocol"));
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    if (!name.startsWith(":")) writer.header(name, fields[i + 1] as string);
  }
}
