/**
 * The VirtualServices of Istio's samples as cases: their rules for the case's own host, whatever host or gateway they were
 * written for, and in place of chances the certain outcome of each.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Case } from "./comparison.ts";
import { asksFor } from "./generate/aim.ts";
import { Chance } from "./generate/chance.ts";
import type { RuleSpec, VirtualServiceSpec } from "./generate/spec.ts";
import type { ConfigDocument } from "./rig/document.ts";

const FOLDER = join(import.meta.dir, "../../../shared/suites/istio-samples");
const ASKS = 14;

interface Suite {
  readonly files: readonly { readonly file: string; readonly docs: readonly (ConfigDocument | null)[] }[];
}

/** Empty where the samples are not there; a line that begins with `SKIPPED:` says so. */
export function sampleCases(): Case[] {
  if (!existsSync(FOLDER)) {
    console.warn("SKIPPED: Istio's samples: ../shared/suites is not there");
    return [];
  }
  return ["docs", "testdata"].flatMap((name) => {
    const { files } = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8")) as Suite;
    return files.flatMap(({ docs, file }) => docs.flatMap((document) => casesOf(file, document)));
  });
}

/** One for each destination that a weight may choose. */
function casesOf(file: string, document: ConfigDocument | null): Case[] {
  const spec = document?.kind === "VirtualService" ? (document.spec as VirtualServiceSpec) : undefined;
  const http = spec?.http;
  // `websocketUpgrade` is no field of the API any more.
  if (spec === undefined || http === undefined || JSON.stringify(http).includes("websocketUpgrade")) return [];
  const choices = Math.max(...http.map((rule) => destinationsOf(rule).length), 1);
  return Array.from({ length: choices }, (_, choice) => {
    const what = `${file}: ${document?.metadata.name}${choices > 1 ? `, destination ${choice}` : ""}`;
    const made = { hosts: ["HOST"], http: http.map((rule) => certain(rule, choice)).map(placed) };
    const documents = [
      { ...common, kind: "VirtualService", spec: made },
      { ...common, kind: "DestinationRule", spec: { host: "HOST", subsets: subsetsOf(made.http) } },
    ];
    return { what, documents, asks: asksFor(new Chance(choice), made, ASKS) };
  });
}

const common = { apiVersion: "networking.istio.io/v1", metadata: { name: "HOST", namespace: "default" } };

interface Destination {
  readonly destination: { readonly subset?: string };
  readonly weight?: number;
}

const destinationsOf = (rule: RuleSpec): readonly Destination[] => (rule["route"] as Destination[] | undefined) ?? [];

/** With the destination of this number for all calls, and faults that always come, and soon. */
function certain(rule: RuleSpec, choice: number): RuleSpec {
  const all = destinationsOf(rule);
  const route = all.map((it, i) => ({ ...it, weight: i === choice % all.length ? 100 : 0 }));
  const text = JSON.stringify(all.length === 0 ? rule : { ...rule, route })
    .replace(/"percentage":\{"value":[\d.]+\}/g, '"percentage":{"value":100}')
    .replace(/"percent":\d+/g, '"percentage":{"value":100}')
    .replace(/"fixedDelay":"[^"]+"/g, '"fixedDelay":"0.05s"');
  return JSON.parse(text) as RuleSpec;
}

/** For the case's host and the mesh: ports and gateways are of another world. */
function placed(rule: RuleSpec): RuleSpec {
  const text = JSON.stringify(rule)
    .replace(/"host":"[^"]+"/g, '"host":"HOST"')
    .replace(/,"port":\{"number":\d+\}/g, "")
    .replace(/"(gateways|sourceLabels)":[[{][^\]}]*[\]}],?/g, "")
    .replace(/,\}/g, "}");
  return JSON.parse(text) as RuleSpec;
}

function subsetsOf(http: readonly RuleSpec[]): object[] {
  const names = http.flatMap(destinationsOf).flatMap(({ destination }) => destination.subset ?? []);
  return [...new Set(names)].map((name) => ({ name, labels: { version: /v[123]/.exec(name)?.[0] ?? "v1" } }));
}
