/**
 * Changed resources of proxies, as a person reads them.
 *
 * @module
 */
import type { ChangedField } from "../app/diff/fields.ts";
import type { ChangedResource, ChangedResources } from "../app/diff/resources.ts";
import type { Paint } from "./paint.ts";
import { count } from "./words.ts";

const MAX_PROXIES = 3;
const MAX_FIELDS = 30;
const MAX_VALUE_LENGTH = 200;

export function resourceLines(
  { changes, compared, goneProxies, newProxies }: ChangedResources,
  paint: Paint,
): string[] {
  const told = changes.flatMap((change) => changeLines(change, paint));
  const others = [
    ...(newProxies.length === 0 ? [] : [`  new: all resources of ${names(newProxies)}`]),
    ...(goneProxies.length === 0 ? [] : [`  gone: all resources of ${names(goneProxies)}`]),
  ];
  const none = told.length === 0 ? [`  no change, of ${compared} that both sides have`] : [];
  return [paint.bold("resources of proxies"), ...told, ...none, ...others, ""];
}

const MARKS = { added: "+", removed: "-", changed: "~" } as const;

function changeLines({ change, fields, kind, name, proxies }: ChangedResource, paint: Paint): readonly string[] {
  const mark = { added: paint.green, removed: paint.red, changed: paint.yellow }[change](MARKS[change]);
  const more = fields.length - MAX_FIELDS;
  return [
    `  ${mark} ${kind} ${name} ${paint.dim(`of ${names(proxies)}`)}`,
    ...fields.slice(0, MAX_FIELDS).map((field) => `      ${fieldLine(field, paint)}`),
    ...(more > 0 ? [`      and ${count(more, "field")} more: see -o json`] : []),
  ];
}

function fieldLine({ now, path, was }: ChangedField, paint: Paint): string {
  const at = onOneLine(path);
  if (was === undefined) return `${at}  is new: ${paint.bold(short(now ?? ""))}`;
  if (now === undefined) return `${at}  is gone, was ${short(was)}`;
  return `${at}  was ${short(was)}, now ${paint.bold(short(now))}`;
}

const short = (text: string): string =>
  onOneLine(text.length <= MAX_VALUE_LENGTH ? text : `${text.slice(0, MAX_VALUE_LENGTH)}…`);

/** Whoever wrote a document writes no line of the report, and says nothing to the terminal. */
const onOneLine = (text: string): string => text.replaceAll(/\p{Cc}/gu, escaped);

const escaped = (one: string): string =>
  one < " " ? JSON.stringify(one).slice(1, -1) : `\\u00${one.charCodeAt(0).toString(16)}`;

function names(all: readonly string[]): string {
  const more = all.length - MAX_PROXIES;
  return `${all.slice(0, MAX_PROXIES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
