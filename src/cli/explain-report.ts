/**
 * An explanation as a person reads it: from the caller to the application, each step with its reason and its place.
 *
 * @module
 */
import type {
  Arrival,
  DestinationExplanation,
  Explanation,
  Outcome,
  PolicyStep,
  Routing,
  RuleStep,
} from "../app/explain/explanation.ts";
import type { Source } from "../translate/source.ts";
import type { Paint } from "./paint.ts";

export function explanationText(explanation: Explanation, paint: Paint): string {
  const { request, routing, destinations, mirrors, outcome, summary } = explanation;
  const lines = [
    `${paint.bold(`${request.method} ${request.url}`)}`,
    ...Object.entries(request.headers).map(([name, value]) => `  ${name}: ${value}`),
    `  from ${whence(request)}`,
  ];
  if (routing !== undefined) lines.push("", ...routingLines(routing, paint));
  const { connectionRules = [] } = explanation;
  if (connectionRules.length > 0) lines.push("", paint.bold("route"), ...ruleLines(connectionRules, paint));
  for (const destination of destinations) {
    lines.push("", ...destinationLines("destination", destination, paint, ownEdits(destination, destinations[0])));
  }
  for (const mirror of mirrors) lines.push("", ...destinationLines("mirror", mirror, paint));
  lines.push("", `${paint.bold("outcome")}  ${COLOR[outcome](paint)(summary)}`);
  return `${lines.join("\n")}\n`;
}

function whence({ workload, identity, throughGateway }: Explanation["request"]): string {
  if (workload === undefined) return "outside of the mesh";
  return `${throughGateway ? "outside of the mesh, through " : ""}${workload}, ${identity}`;
}

const COLOR: Readonly<Record<Outcome, (paint: Paint) => (text: string) => string>> = {
  allowed: (paint) => paint.green,
  answered: (paint) => paint.green,
  denied: (paint) => paint.red,
  fails: (paint) => paint.red,
  noRoute: (paint) => paint.red,
};

const yes = (paint: Paint): string => paint.green("✓");
const no = (paint: Paint): string => paint.dim("·");

/** `(reviews.yaml:12)`. */
const place = (source: Source | undefined, paint: Paint): string =>
  source === undefined || source.file === "" ? "" : paint.dim(` (${source.file}:${source.line})`);

/** `(reviews.yaml:12:7)`: of one among several in a line. */
const exactPlace = (source: Source | undefined, paint: Paint): string =>
  source === undefined || source.file === "" ? "" : paint.dim(` (${source.file}:${source.line}:${source.column})`);

const document = (source: Source, paint: Paint): string =>
  `${source.kind} ${source.namespace}/${source.name}${place(source, paint)}`;

/** The virtual host of all that no service has, by Istio's name. */
const ALLOW_ANY = "allow_any";

function routingLines(routing: Routing, paint: Paint): readonly string[] {
  const { host, rules } = routing;
  if (host === undefined)
    return [`${paint.bold("route")}  ${paint.red("no service of the mesh has this host and port")}`];
  const ruled = rules.some((r) => r.source !== undefined);
  if (host === ALLOW_ANY)
    return [`${paint.bold("route")}  of no service of the mesh: it is let through`, ...effects(routing, paint)];
  return [
    `${paint.bold("route")}  of ${host}${ruled ? "" : ": no VirtualService, so all calls go to the service"}`,
    ...(ruled ? ruleLines(rules, paint) : []),
    ...effects(routing, paint),
  ];
}

/** Beyond these nobody reads on: of rules that are not reached in a long table. */
const MAX_UNREACHED = 5;

function ruleLines(rules: readonly RuleStep[], paint: Paint): readonly string[] {
  const unreached = rules.filter(({ verdict }) => verdict === "notReached");
  const hidden = new Set(unreached.slice(MAX_UNREACHED));
  const lines = rules.filter((rule) => !hidden.has(rule)).flatMap((rule) => ruleLine(rule, paint));
  return hidden.size === 0 ? lines : [...lines, `  ${paint.dim(`- and ${hidden.size} more that are not reached`)}`];
}

function ruleLine(rule: RuleStep, paint: Paint): readonly string[] {
  const { source, verdict, reason, conditions } = rule;
  const where = source === undefined ? "" : `${source.kind} ${source.namespace}/${source.name} rule `;
  const mark = verdict === "matched" ? yes(paint) : verdict === "notMatched" ? no(paint) : paint.dim("-");
  const line = `  ${mark} ${where}${paint.bold(rule.name)}${exactPlace(source, paint)}`;
  if (verdict === "notReached" || verdict === "notForCall") return [`${line} ${paint.dim(reason)}`];
  const decisive = conditions.filter(({ holds }) => holds === rule.matched);
  return [
    line,
    ...(decisive.length === 0 ? [reason] : decisive.map(({ text }) => text)).map((text) => `      ${text}`),
  ];
}

function effects(routing: Routing, paint: Paint): readonly string[] {
  const { timeoutMs, retries, rewrite, headers, faults, reply } = routing;
  const lines: string[] = [];
  const say = (name: string, value: string): void => void lines.push(`  ${paint.dim(name.padEnd(8))} ${value}`);
  for (const { kind, what, percent } of faults) say("fault", `${kind} ${what} for ${percent} % of such requests`);
  for (const limit of routing.rateLimits ?? []) say("limit", limit);
  if (routing.cors !== undefined) say("cors", routing.cors);
  if (reply !== undefined) {
    say("answer", `${reply.status}, ${reply.reason}`);
    return lines;
  }
  if (rewrite.path !== undefined) say("rewrite", `path to ${rewrite.path}`);
  if (rewrite.authority !== undefined) say("rewrite", `authority to ${rewrite.authority}`);
  for (const edit of headers.request) say("request", edit);
  for (const edit of headers.response) say("response", edit);
  say("timeout", timeoutMs === undefined ? "none" : `${timeoutMs} ms`);
  const perTry = retries?.perTryTimeoutMs === undefined ? "" : `, ${retries.perTryTimeoutMs} ms for each try`;
  const waits = retries?.backoffMs === undefined ? "" : `, the first after ${retries.backoffMs} ms at most`;
  const idle = retries?.perTryIdleTimeoutMs === undefined ? "" : `, no try quiet for ${retries.perTryIdleTimeoutMs} ms`;
  const after =
    retries?.maxRetryAfterMs === undefined
      ? ""
      : `, later where an answer says so, up to ${retries.maxRetryAfterMs} ms`;
  say(
    "retries",
    retries === undefined ? "none" : `${retries.attempts}, on ${retries.on.join(", ")}${perTry}${waits}${idle}${after}`,
  );
  return lines;
}

/** What is done to the answers of one and not to those of the first, which are told with the route. */
function ownEdits({ answerEdits }: DestinationExplanation, first?: DestinationExplanation): readonly string[] {
  const told = new Set(first?.answerEdits.map((edit) => JSON.stringify(edit)));
  return answerEdits
    .filter((edit) => !told.has(JSON.stringify(edit)))
    .map(
      ({ what, name, value }) =>
        `  response ${what} ${name}${what === "remove" ? "" : `: ${value ?? "(made for each request)"}`}`,
    );
}

/** @param what A mirror gets copies, and its answers are dropped. */
function destinationLines(
  what: "destination" | "mirror",
  destination: DestinationExplanation,
  paint: Paint,
  edits: readonly string[] = [],
): readonly string[] {
  const { host, port, subset, share, weight, destinationRule, loadBalancer } = destination;
  const percent = Number((share * 100).toFixed(4));
  const weighted = weight === undefined ? "" : `  ${percent} % (${weight})`;
  const part = what === "mirror" ? `  a copy of ${percent} % of such requests, answers are dropped` : weighted;
  const rule = destinationRule === undefined ? [] : [`  ${document(destinationRule, paint)}`];
  const balancer = loadBalancer === undefined ? "" : `, ${loadBalancer}`;
  if (destination.fault !== undefined)
    return [`${paint.bold(what)}  ${paint.red("none")}${part}`, `  ${destination.fault}`];
  return [
    `${paint.bold(what)}  ${Number.isNaN(port) ? host : `${host}:${port}`}${subset === undefined ? "" : ` subset ${subset}`}${part}`,
    ...rule,
    ...edits,
    ...budgetLine(destination),
    ...checkLine(destination, paint),
    ...(destination.outside === undefined ? [] : [`  found    ${destination.outside}`]),
    `  endpoints${balancer}${noEndpoints(destination, paint)}`,
    ...destination.endpoints.map((e) => `    ${e.used ? yes(paint) : no(paint)} ${e.workload}: ${e.reason}`),
    ...destination.arrivals.flatMap((arrival) => arrivalLines(arrival, paint)),
  ];
}

function noEndpoints({ endpoints, outside }: DestinationExplanation, paint: Paint): string {
  if (endpoints.length > 0) return "";
  return outside === undefined ? paint.red(": none") : ": what the name leads to";
}

function checkLine({ healthCheck }: DestinationExplanation, paint: Paint): readonly string[] {
  if (healthCheck === undefined) return [];
  const by = healthCheck.source === undefined ? "" : `  ${document(healthCheck.source, paint)}`;
  return [`  health check: ${healthCheck.what}${by}`];
}

function budgetLine({ retryBudget }: DestinationExplanation): readonly string[] {
  if (retryBudget === undefined) return [];
  const { intervalMs, minConcurrency, percent } = retryBudget;
  const requests = intervalMs === 0 ? "requests" : `requests of the last ${intervalMs} ms`;
  return [`  retries at once: ${percent} % of the ${requests}, and ${minConcurrency} in any case`];
}

function arrivalLines(arrival: Arrival, paint: Paint): readonly string[] {
  const { tls, policies, outcome, reason } = arrival;
  const mode = `${tls.mode} ${tls.modeSource === undefined ? "by default" : `by ${document(tls.modeSource, paint)}`}`;
  return [
    `  at ${paint.bold(arrival.workloads.join(", "))}`,
    `    TLS      client ${tls.client} (${tls.clientReason}); server ${mode}`,
    ...policies.flatMap((p) => policyLines(p, paint)),
    ...(arrival.rateLimits ?? []).map((limit) => `    limit    ${limit}`),
    `    ${outcome === "allowed" ? paint.green("allowed ") : paint.red(outcome.padEnd(8))} ${reason}`,
  ];
}

function policyLines(policy: PolicyStep, paint: Paint): readonly string[] {
  const mark = !policy.matched ? no(paint) : policy.action === "DENY" ? paint.red("✗") : yes(paint);
  const dry = policy.dryRun ? paint.yellow(" dry run, not enforced") : "";
  return [
    `    ${mark} ${policy.action.padEnd(5)}  ${policy.source?.kind ?? "AuthorizationPolicy"} ${policy.policy} rule ${policy.rule}${place(policy.source, paint)}${dry}`,
    ...policy.reasons.map((reason) => `             ${reason}`),
  ];
}
