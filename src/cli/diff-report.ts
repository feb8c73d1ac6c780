/**
 * What a change of documents changes, as a person reads it.
 *
 * @module
 */
import type { ChangedCall, ChangedCalls, Comparison, Decider } from "../app/diff/compare.ts";
import type { ChangedDocument } from "../app/diff/documents.ts";
import type { ChangedResources } from "../app/diff/resources.ts";
import { resourceLines } from "./diff-resources.ts";
import type { Paint } from "./paint.ts";
import { count } from "./words.ts";

export interface DiffReport {
  /** Problems of documents that are refused now and were not before. */
  readonly refused: readonly string[];
  readonly documents: readonly ChangedDocument[];
  readonly calls: Comparison;
  /** Where they were asked for. */
  readonly resources?: ChangedResources;
}

/** Of calls that change alike, and of their callers. */
const MAX_SHOWN = 3;

export function diffText({ refused, documents, calls, resources }: DiffReport, paint: Paint): string {
  const lines = [
    ...(refused.length === 0 ? [] : [paint.red("newly refused, and left out:"), ...refused.map((p) => `  ${p}`), ""]),
    ...documents.map((document) => documentLine(document, paint)),
    ...(documents.length === 0 ? [] : [""]),
    ...hostLines(calls.changes, paint),
    ...(resources === undefined ? [] : resourceLines(resources, paint)),
    summary(calls, documents),
  ];
  return `${lines.join("\n")}\n`;
}

const MARKS: Readonly<Record<ChangedDocument["change"], string>> = { added: "+", removed: "-", changed: "~" };

function documentLine({ change, file, line, name }: ChangedDocument, paint: Paint): string {
  const mark = { added: paint.green, removed: paint.red, changed: paint.yellow }[change](MARKS[change]);
  return `${mark} ${name} ${paint.dim(`(${file}:${line})`)}`;
}

function hostLines(changes: readonly ChangedCalls[], paint: Paint): readonly string[] {
  const hosts = [...new Set(changes.map(({ host }) => host))];
  return hosts.flatMap((host) => [
    paint.bold(host),
    ...changes.filter((c) => c.host === host).flatMap((change) => changeLines(change, paint)),
    "",
  ]);
}

function changeLines({ calls, differences, was, now }: ChangedCalls, paint: Paint): readonly string[] {
  const shown = calls.slice(0, MAX_SHOWN);
  const width = Math.max(...differences.map(({ what }) => what.length), 2);
  const label = (text: string): string => paint.dim(text.padEnd(width));
  return [
    ...shown.map((call) => `  ${callText(call)}`),
    ...(calls.length > shown.length ? [`  and ${count(calls.length - shown.length, "such call")} more`] : []),
    ...differences.map((d) => `      ${label(d.what)}  was ${d.was}, now ${paint.bold(d.now)}`),
    ...deciderLines(was, now, paint).map(([name, text]) => `      ${label(name)}  ${text}`),
  ];
}

function callText({ from, headers, method, url }: ChangedCall): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const callers = from.slice(0, MAX_SHOWN).join(", ");
  const more = from.length > MAX_SHOWN ? ` and ${from.length - MAX_SHOWN} more` : "";
  return `${method} ${url}${lines.length === 0 ? "" : ` with ${lines.join(", ")}`} from ${callers}${more}`;
}

function deciderLines(
  was: Decider | undefined,
  now: Decider | undefined,
  paint: Paint,
): readonly (readonly [string, string])[] {
  if (was !== undefined && was.what === now?.what) return [["by", deciderText(now, paint)]];
  return [
    ...(was === undefined ? [] : [["by", `was ${deciderText(was, paint)}`] as const]),
    ...(now === undefined ? [] : [["by", `now ${deciderText(now, paint)}`] as const]),
  ];
}

const deciderText = ({ source, what }: Decider, paint: Paint): string =>
  `${what} ${paint.dim(`(${source.file}:${source.line}:${source.column})`)}`;

function summary({ asked, changes, cut, differ }: Comparison, documents: readonly ChangedDocument[]): string {
  const all = `${count(asked, "call")}${cut ? " (there are more: see --max-calls)" : ""}`;
  if (changes.length > 0) return `${differ} of ${all} that were compared change, in ${count(changes.length, "way")}`;
  const written = documents.length === 0 ? "" : `, though ${count(documents.length, "document")} changed`;
  return `no change in ${all} that were compared${written}`;
}
