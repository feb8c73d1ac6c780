/**
 * An expectation beside what was found, both in words.
 *
 * @module
 */
import { unreachable } from "../../base/unreachable.ts";
import type { ExpectedDestination, ExpectedRetries, Want } from "../../model/config-test.ts";
import type { DestinationExplanation, Explanation } from "../explain/explanation.ts";
import { answerHeader, decidingPolicy, NONE, ofEach, ruleNames, statusOf, workloadsOf } from "./found.ts";
import { expectedFault, foundFaults } from "./faults.ts";

export interface Comparison {
  readonly holds: boolean;
  readonly expected: string;
  readonly found: string;
}

export function compare(want: Want, explanation: Explanation): Comparison {
  const { routing, destinations } = explanation;
  switch (want.t) {
    case "outcome":
      return same(want.value, explanation.outcome, explanation.summary);
    case "status":
      return same(String(want.value), statusOf(explanation));
    case "body":
      return same(JSON.stringify(want.value), shown(routing?.reply?.body));
    case "redirect":
      return same(want.value, routing?.reply?.location ?? NONE);
    case "matchedRule":
      return matchedRule(want.value, explanation);
    case "destinations":
      return allOf(want.values, destinations);
    case "mirrors":
      return allOf(want.values, explanation.mirrors);
    case "host":
      return same(
        want.value,
        ofEach(destinations, (d) => d.host),
      );
    case "cluster":
      return same(
        want.value,
        ofEach(destinations, (d) => d.cluster),
      );
    case "subset":
      return same(
        want.value === "" ? NONE : want.value,
        ofEach(destinations, (d) => d.subset ?? NONE),
      );
    case "port":
      return same(
        String(want.value),
        ofEach(destinations, (d) => String(d.port)),
      );
    case "workloads":
      return same([...want.values].sort().join(", "), workloadsOf(explanation).join(", ") || NONE);
    case "path":
    case "authority":
      return same(
        want.value,
        ofEach(destinations, (d) => d.seen?.[want.t] ?? NONE),
      );
    case "requestHeader":
      return header(
        want.value,
        ofEach(destinations, (d) => shown(d.seen?.headers[want.name])),
      );
    case "responseHeader":
      return header(want.value, answerHeader(explanation, want.name));
    case "timeout":
      return same(milliseconds(want.ms), milliseconds(routing?.timeoutMs ?? 0));
    case "retries":
      return retries(want.value, explanation);
    case "fault":
      return same(expectedFault(want.value), foundFaults(routing?.faults ?? []));
    case "policy":
      return same(want.value, decidingPolicy(explanation));
    case "tls":
      return same(
        want.value,
        ofEach(destinations, (d) => ofEach(d.arrivals, (a) => a.tls.client)),
      );
    default:
      return unreachable(want);
  }
}

const same = (expected: string, found: string, more?: string): Comparison => ({
  holds: expected === found,
  expected,
  found: more === undefined ? found : `${found} (${more})`,
});

const shown = (value: string | undefined): string => (value === undefined ? NONE : JSON.stringify(value));
const header = (value: string | undefined, found: string): Comparison => same(shown(value), found);
const milliseconds = (ms: number): string => (ms === 0 ? NONE : `${ms} ms`);

function matchedRule(wanted: string, explanation: Explanation): Comparison {
  const names = ruleNames(explanation);
  return { holds: names.includes(wanted), expected: wanted, found: names.at(-1) ?? NONE };
}

/** As many as are wanted, and each of them there. */
function allOf(wanted: readonly ExpectedDestination[], found: readonly DestinationExplanation[]): Comparison {
  const rest = [...found];
  const missing = wanted.filter((want) => {
    const at = rest.findIndex((d) => isThe(want, d));
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
  return {
    holds: missing.length === 0 && rest.length === 0,
    expected: wanted.map((w) => destinationText(w, w.percent)).join(", ") || NONE,
    found: found.map((d) => destinationText(d, d.share * 100)).join(", ") || NONE,
  };
}

const isThe = (want: ExpectedDestination, { host, subset, port, share }: DestinationExplanation): boolean =>
  want.host === host &&
  want.subset === subset &&
  (want.port ?? port) === port &&
  (want.percent === undefined || Math.abs(want.percent - share * 100) < 1e-4);

function destinationText(
  { host, subset, port }: Pick<ExpectedDestination, "host" | "subset" | "port">,
  percent: number | undefined,
): string {
  const at = port === undefined ? "" : `:${port}`;
  const part = percent === undefined ? "" : ` ${Number(percent.toFixed(4))} %`;
  return `${host}${at}${subset === undefined ? "" : ` subset ${subset}`}${part}`;
}

/** Only what is asked for is told. */
function retries(wanted: ExpectedRetries, { routing }: Explanation): Comparison {
  const found = routing?.retries;
  const texts = (
    attempts: number | undefined,
    perTryTimeoutMs: number | undefined,
    on: readonly string[] | undefined,
  ): string =>
    [
      ...(wanted.attempts === undefined ? [] : [`attempts ${attempts ?? 0}`]),
      ...(wanted.perTryTimeoutMs === undefined ? [] : [`perTryTimeout ${milliseconds(perTryTimeoutMs ?? 0)}`]),
      ...(wanted.retryOn === undefined ? [] : [`retryOn ${[...(on ?? [])].sort().join(",") || NONE}`]),
    ].join(", ");
  return same(
    texts(wanted.attempts, wanted.perTryTimeoutMs, wanted.retryOn),
    texts(found?.attempts, found?.perTryTimeoutMs, found?.on),
  );
}
