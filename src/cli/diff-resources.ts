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
  if (was === undefined) return `${path}  is new: ${paint.bold(short(now ?? ""))}`;
  if (now === undefined) return `${path}  is gone, was ${short(was)}`;
  return `${path}  was ${short(was)}, now ${paint.bold(short(now))}`;
}

const short = (text: string): string =>
  text.length <= MAX_VALUE_LENGTH ? text : `${text.slice(0, MAX_VALUE_LENGTH)}…`;

function names(all: readonly string[]): string {
  const more = all.length - MAX_PROXIES;
  return `${all.slice(0, MAX_PROXIES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
