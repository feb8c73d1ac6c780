/**
 * Which answers count against an endpoint, where it is not those from 500 on.
 *
 * Source: `outlier_detection.error_matcher` of `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`. Here it may look at the status alone.
 *
 * @module
 */
import type { MatchPredicate } from "../../xds/proto/match-predicate.ts";
import type { UpstreamHttpOptions } from "../../xds/proto/upstream-http.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import { compileHeaderMatcher } from "../match/header-matcher.ts";
import type { PeerView, RequestView } from "../request.ts";

/** Whether an answer of this status counts. */
export type IsError = (status: number) => boolean;

type Test = (status: string) => boolean;

const STATUSES = 600;
const NOBODY: PeerView = {
  tls: false,
  spiffeId: undefined,
  sni: undefined,
  remote: { address: "", port: 0 },
  local: { address: "", port: 0 },
};

/** Undefined where nothing is said. @throws {CompileError} */
export function compileErrors(options: UpstreamHttpOptions["outlierDetection"], path: string): IsError | undefined {
  if (options === undefined) return undefined;
  refuseOthers(options, path, new Set(["errorMatcher"]));
  const at = fieldPath(path, "errorMatcher");
  if (options.errorMatcher === undefined) throw new CompileError(at, "must be there");
  const test = compile(options.errorMatcher, at);
  // Asked for once: an answer costs a look.
  const table = Array.from({ length: STATUSES }, (_, status) => test(String(status)));
  return (status) => table[status] ?? false;
}

const KNOWN = new Set(["orMatch", "andMatch", "notMatch", "anyMatch", "httpResponseHeadersMatch"]);

function compile(predicate: MatchPredicate, path: string): Test {
  refuseOthers(predicate, path, KNOWN);
  const { andMatch, anyMatch, httpResponseHeadersMatch, notMatch, orMatch } = predicate;
  const all = ({ rules = [] }: NonNullable<MatchPredicate["andMatch"]>, field: string): readonly Test[] => {
    if (rules.length < 2) throw new CompileError(`${fieldPath(path, field)}.rules`, "must hold at least two");
    return rules.map((rule, i) => compile(rule, `${fieldPath(path, field)}.rules[${i}]`));
  };
  if (orMatch !== undefined) return anyOf(all(orMatch, "orMatch"));
  if (andMatch !== undefined) return everyOf(all(andMatch, "andMatch"));
  if (notMatch !== undefined) return not(compile(notMatch, fieldPath(path, "notMatch")));
  if (anyMatch === true) return () => true;
  const headers = httpResponseHeadersMatch?.headers ?? [];
  if (headers.length === 0) throw new CompileError(path, "must hold a rule");
  const at = `${fieldPath(path, "httpResponseHeadersMatch")}.headers`;
  return everyOf(
    headers.map((header, i) => {
      if (header.name !== ":status")
        throw new CompileError(`${at}[${i}].name`, `only :status is supported, found ${JSON.stringify(header.name)}`);
      // Its reader knows requests.
      const { test } = compileHeaderMatcher({ ...header, name: "status" }, `${at}[${i}]`);
      return (status: string): boolean => test(answerOf(status), NOBODY);
    }),
  );
}

const anyOf =
  (tests: readonly Test[]): Test =>
  (status) =>
    tests.some((test) => test(status));
const everyOf =
  (tests: readonly Test[]): Test =>
  (status) =>
    tests.every((test) => test(status));
const not =
  (test: Test): Test =>
  (status) =>
    !test(status);

const answerOf = (status: string): RequestView => ({
  method: "",
  path: "",
  authority: "",
  scheme: "",
  header: (name) => (name === "status" ? status : undefined),
});
