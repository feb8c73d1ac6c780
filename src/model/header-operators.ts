/**
 * `%…%` in header values: what the operators are and how they are written. Configuration is refused for others, since one that
 * a proxy does not know would cost it all of its routes.
 *
 * Source: Envoy documentation, "HTTP header manipulation" and the command operators of access logs.
 *
 * @module
 */

/** Those that take no argument. */
export const PLAIN_OPERATORS = [
  "PROTOCOL",
  "RESPONSE_CODE",
  "RESPONSE_CODE_DETAILS",
  "RESPONSE_FLAGS",
  "START_TIME",
  "UPSTREAM_HOST",
  "UPSTREAM_CLUSTER",
  "UPSTREAM_CLUSTER_RAW",
  "UPSTREAM_LOCAL_ADDRESS",
  "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
  "UPSTREAM_LOCAL_PORT",
  "UPSTREAM_REMOTE_ADDRESS",
  "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
  "UPSTREAM_REMOTE_PORT",
  "UPSTREAM_PEER_URI_SAN",
  "UPSTREAM_REQUEST_ATTEMPT_COUNT",
  "DOWNSTREAM_REMOTE_ADDRESS",
  "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
  "DOWNSTREAM_REMOTE_PORT",
  "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
  "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
  "DOWNSTREAM_DIRECT_REMOTE_PORT",
  "DOWNSTREAM_LOCAL_ADDRESS",
  "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
  "DOWNSTREAM_LOCAL_PORT",
  "DOWNSTREAM_LOCAL_URI_SAN",
  "DOWNSTREAM_PEER_URI_SAN",
  "REQUESTED_SERVER_NAME",
  "ROUTE_NAME",
] as const;
export type PlainOperator = (typeof PLAIN_OPERATORS)[number];

/** Those that take a header: `REQ(X)`, or `REQ(X?Y)` for Y where there is no X. */
export const HEADER_OPERATORS = ["REQ", "RESP"] as const;
type HeaderOperator = (typeof HEADER_OPERATORS)[number];

/** An operator, `%%`, or a percent sign that is neither. */
const OPERATOR_OR_PERCENT = /%%|%([A-Z0-9_]+)(?:\(([^)]*)\))?(?::\d+)?%|%/g;
const HEADER_NAME = /^:?[!#$&'*+.^_`|~0-9a-z-]+$/;

const isOneOf = <T extends string>(names: readonly T[], name: string): name is T =>
  names.some((known) => known === name);

export const isPlainOperator = (name: string): name is PlainOperator => isOneOf(PLAIN_OPERATORS, name);
export const isHeaderOperator = (name: string): name is HeaderOperator => isOneOf(HEADER_OPERATORS, name);

/** The headers in an argument, in lower case; undefined where it is none. */
export function headersOf(argument: string | undefined): readonly string[] | undefined {
  const names = (argument ?? "").toLowerCase().split("?");
  return names.length <= 2 && names.every((name) => HEADER_NAME.test(name)) ? names : undefined;
}

/** A percent sign that begins no operator stands for itself, where Envoy would refuse the route and with it all routes. */
export const withPercentsDoubled = (value: string): string =>
  value.replace(OPERATOR_OR_PERCENT, (found) => (found === "%" ? "%%" : found));

/** Of the first operator in `value` that cannot be had. */
export interface OperatorProblem {
  readonly name: string;
  /** It is known, and written wrongly: what must hold. Undefined: it is not known. */
  readonly mustHold: string | undefined;
}

export function operatorProblem(value: string): OperatorProblem | undefined {
  for (const [, name, argument] of value.matchAll(OPERATOR_OR_PERCENT)) {
    if (name === undefined) continue;
    if (isHeaderOperator(name)) {
      if (headersOf(argument) === undefined) return { name, mustHold: HEADER_ARGUMENT };
    } else if (!isPlainOperator(name)) return { name, mustHold: undefined };
    else if (argument !== undefined) return { name, mustHold: "takes no argument here" };
  }
  return undefined;
}

const HEADER_ARGUMENT = "takes a header and at most one alternative, as (X) or (X?Y)";
