import { expect, test } from "bun:test";
import type { MatchPredicate } from "../../xds/proto/match-predicate.ts";
import { compileErrors } from "./outlier-errors.ts";
import { resultOfStatus } from "./outlier.ts";

const is = (exact: string): MatchPredicate => ({
  httpResponseHeadersMatch: { headers: [{ name: ":status", stringMatch: { exact } }] },
});
const errors = (errorMatcher: MatchPredicate): readonly number[] => {
  const isError = compileErrors({ errorMatcher }, "o");
  return Array.from({ length: 600 }, (_, status) => status).filter((status) => isError?.(status));
};

test("statuses by any rule that looks at nothing else", () => {
  expect(errors(is("429"))).toEqual([429]);
  expect(errors({ orMatch: { rules: [is("429"), is("503")] } })).toEqual([429, 503]);
  expect(errors({ andMatch: { rules: [is("429"), { notMatch: is("429") }] } })).toEqual([]);
  expect(errors({ anyMatch: true })).toHaveLength(600);
  const range = { name: ":status", rangeMatch: { start: 200, end: 203 } };
  expect(errors({ httpResponseHeadersMatch: { headers: [range] } })).toEqual([200, 201, 202]);
});

test("what looks at something else is refused by its path", () => {
  expect(() => errors({ httpRequestHeadersMatch: {} })).toThrow("o.error_matcher.http_request_headers_match");
  expect(() => errors({ httpResponseHeadersMatch: { headers: [{ name: "x" }] } })).toThrow("only :status is supported");
  expect(() => errors({ orMatch: { rules: [is("1")] } })).toThrow("o.error_matcher.or_match.rules");
  expect(() => compileErrors({}, "o")).toThrow("o.error_matcher: must be there");
});

test("what is no error is a success, whatever its status", () => {
  const isError = compileErrors({ errorMatcher: { orMatch: { rules: [is("429"), is("503")] } } }, "o");
  expect([200, 429, 500, 503].map((status) => resultOfStatus(status, isError))).toEqual([
    "success",
    "error5xx",
    "success",
    "gatewayError",
  ]);
});
