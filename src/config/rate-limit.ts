/**
 * `tulle.dev/v1 RateLimit`: how much a workload takes, which no Istio document can say.
 *
 * @module
 */
import type { RateLimit, Rate, RateLimitRule } from "../model/rate-limit.ts";
import type { StringMatch } from "../model/match.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { selector } from "./names.ts";
import type { Node } from "./node.ts";
import { duration, flag, integer, textThat } from "./read-values.ts";
import { headerMatch, stringMatch } from "./string-match.ts";
import { quote } from "./tree.ts";

const LIMITS = ["requests", "connections", "rules"] as const;
const count = integer(1, 1_000_000_000);
/** Envoy takes no shorter one. */
const MIN_PER_MS = 50;
const DEFAULT_PER_MS = 1000;

export function readRateLimit(body: DocumentBody): RateLimit {
  const spec = specFields(body, ["selector", ...LIMITS, "dryRun", "rateLimitHeaders"]);
  spec.oneOrMoreOf(LIMITS);
  return {
    origin: body.origin,
    selector: spec.optional("selector", selector),
    requests: spec.optional("requests", rate),
    connections: spec.optional("connections", rate),
    rules: spec.list("rules", rule),
    dryRun: spec.optional("dryRun", flag) ?? false,
    tellsLimits: spec.optional("rateLimitHeaders", flag) ?? false,
  };
}

function rate(node: Node): Rate {
  const fields = node.fields({ known: ["count", "per", "burst"] });
  const number = fields.required("count", count, 1);
  const perMs = fields.optional("per", duration) ?? DEFAULT_PER_MS;
  if (perMs < MIN_PER_MS) fields.at("per")?.mustBe(`${MIN_PER_MS}ms or more`);
  return { count: number, perMs, burst: fields.optional("burst", count) ?? number };
}

function rule(node: Node): RateLimitRule {
  const fields = node.fields({ known: ["requests", "match", "byHeader"] });
  fields.oneOrMoreOf(["match", "byHeader"]);
  const match = fields.optional("match", readMatch) ?? NO_MATCH;
  return {
    requests: fields.required("requests", rate, NO_RATE),
    ...match,
    byHeader: fields.optional("byHeader", header),
  };
}

const NO_RATE: Rate = { count: 1, perMs: DEFAULT_PER_MS, burst: 1 };
const NO_MATCH: Pick<RateLimitRule, "path" | "method" | "headers"> = {
  path: undefined,
  method: undefined,
  headers: {},
};

function readMatch(node: Node): typeof NO_MATCH {
  const fields = node.fields({ known: ["path", "method", "headers"] });
  fields.oneOrMoreOf(["path", "method", "headers"]);
  return {
    path: fields.optional("path", stringMatch),
    method: fields.optional("method", stringMatch),
    headers: fields.optional("headers", headers) ?? {},
  };
}

const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const header = textThat((name) => HEADER.test(name), "the name of a header");

function headers(node: Node): Readonly<Record<string, StringMatch>> {
  return Object.fromEntries(
    node.entries().map(([name, at]) => {
      if (!HEADER.test(name)) at.failAtKey(`${quote(name)} is not the name of a header`);
      return [name.toLowerCase(), headerMatch(at)];
    }),
  );
}
