/**
 * `RouteMatch`, compiled: the path first, since it decides most often, then headers, query and chance.
 *
 * @module
 */
import type { RouteMatch } from "../../xds/proto/route-match.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import { isGrpc } from "../failures.ts";
import { allOf, type Check, type ValueKey } from "../match/check.ts";
import { compileRuntimeFraction, type Fraction, isWithin } from "../match/fraction.ts";
import { compileHeaderMatchers } from "../match/header-matcher.ts";
import { compileRoutePath, type PathCheck } from "../match/path-matcher.ts";
import { compileMetadataMatchers } from "../match/metadata-matcher.ts";
import { compileQueryMatchers } from "../match/query-matcher.ts";
import type { PeerView, RequestView } from "../request.ts";
import { quoted, type TraceCondition } from "../trace.ts";

export interface CompiledMatch {
  /** @param path Of the request, without query. */
  readonly test: (request: RequestView, peer: PeerView, path: string, randomValue: number) => boolean;
  /** Each condition, whether it holds, and what was found. */
  readonly conditions: (
    request: RequestView,
    peer: PeerView,
    path: string,
    randomValue: number,
  ) => readonly TraceCondition[];
  readonly path: PathCheck;
  /** Of the conditions besides the path, those that a table can answer. */
  readonly values: readonly ValueKey[];
  readonly needsRandom: boolean;
}

const KNOWN = new Set([
  "prefix",
  "path",
  "safeRegex",
  "pathSeparatedPrefix",
  "caseSensitive",
  "headers",
  "queryParameters",
  "grpc",
  "connectMatcher",
  "runtimeFraction",
  "dynamicMetadata",
]);

/** @throws {CompileError} */
export function compileRouteMatch(match: RouteMatch | undefined, path: string): CompiledMatch {
  if (match === undefined) throw new CompileError(path, "must be set");
  refuseOthers(match, path, KNOWN);
  const pathCheck = compileRoutePath(match, path);
  const fraction = compileRuntimeFraction(match.runtimeFraction);
  const checks = [
    ...(match.grpc === undefined ? [] : [GRPC]),
    ...compileHeaderMatchers(match.headers, fieldPath(path, "headers")),
    ...compileQueryMatchers(match.queryParameters, fieldPath(path, "queryParameters")),
    ...compileMetadataMatchers(match.dynamicMetadata, fieldPath(path, "dynamicMetadata")),
  ];
  return {
    path: pathCheck,
    values: checks.flatMap(({ key }) => key ?? []),
    needsRandom: fraction !== undefined,
    test: testOf(pathCheck.test, allOf(checks), fraction),
    conditions: conditionsOf(pathCheck, checks, fraction),
  };
}

const GRPC: Check = {
  test: (request) => isGrpc(request.header("content-type")),
  explain: (request) => `content-type: wanted gRPC, found ${quoted(request.header("content-type"))}`,
};

function testOf(
  pathTest: PathCheck["test"],
  rest: Check["test"] | undefined,
  fraction: Fraction | undefined,
): CompiledMatch["test"] {
  if (fraction !== undefined) {
    return (request, peer, path, randomValue) =>
      pathTest(path) && isWithin(fraction, randomValue) && (rest === undefined || rest(request, peer));
  }
  if (rest === undefined) return (_request, _peer, path) => pathTest(path);
  return (request, peer, path) => pathTest(path) && rest(request, peer);
}

function conditionsOf(
  pathCheck: PathCheck,
  checks: readonly Check[],
  fraction: Fraction | undefined,
): CompiledMatch["conditions"] {
  return (request, peer, path, randomValue) => [
    { holds: pathCheck.test(path), reason: `path: wanted ${pathCheck.wanted}, found ${quoted(path)}` },
    ...(fraction === undefined || isWithin(fraction, randomValue)
      ? []
      : [{ holds: false, reason: chance(fraction, randomValue) }]),
    ...checks.map((check) => ({ holds: check.test(request, peer), reason: check.explain(request, peer) })),
  ];
}

/** The first condition that does not hold; when all hold, what they are. */
export const reasonOf = (conditions: readonly TraceCondition[]): string =>
  conditions.find(({ holds }) => !holds)?.reason ?? conditions.map(({ reason }) => reason).join("; ");

function chance({ numerator, denominator }: Fraction, randomValue: number): string {
  return `fraction: wanted a draw below ${numerator} of ${denominator}, drew ${randomValue % denominator}`;
}
