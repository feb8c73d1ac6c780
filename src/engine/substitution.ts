/**
 * `%…%` in header values, compiled.
 *
 * Source: Envoy documentation, "HTTP header manipulation" and the command operators of access logs. What has no value
 * prints as nothing.
 *
 * Not here: `DYNAMIC_METADATA`, `FILTER_STATE`, `ENVIRONMENT` and what else is rarely put into headers: refused. What there is
 * stands in `model/header-operators.ts`.
 *
 * @module
 */
import { headersOf, isHeaderOperator, isPlainOperator, type PlainOperator } from "../model/header-operators.ts";
import { CompileError } from "./compile-error.ts";
import { wireText } from "./match/wire-text.ts";
import type { SubstitutionView } from "./request.ts";

export type Format = (view: SubstitutionView) => string;
type Read = (view: SubstitutionView) => string | undefined;

const OPERATORS: Readonly<Record<PlainOperator, Read>> = {
  PROTOCOL: (v) => v.protocol,
  RESPONSE_CODE: (v) => (v.responseCode > 0 ? String(v.responseCode) : undefined),
  START_TIME: (v) => new Date(v.startWallMs).toISOString(),
  UPSTREAM_HOST: (v) => v.upstreamHost,
  UPSTREAM_CLUSTER: (v) => v.upstreamCluster,
  UPSTREAM_CLUSTER_RAW: (v) => v.upstreamCluster,
  UPSTREAM_LOCAL_ADDRESS: (v) => v.upstreamLocalAddress,
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (v) => withoutPort(v.upstreamLocalAddress),
  UPSTREAM_LOCAL_PORT: (v) => portOf(v.upstreamLocalAddress),
  UPSTREAM_REMOTE_PORT: (v) => portOf(v.upstreamHost),
  UPSTREAM_PEER_URI_SAN: (v) => v.upstreamPeerUriSan,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (v) => String(v.upstreamRequestAttemptCount),
  RESPONSE_FLAGS: (v) => v.responseFlags || "-",
  RESPONSE_CODE_DETAILS: (v) => v.responseCodeDetails || undefined,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (v) => v.downstreamDirectRemoteAddress,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (v) => withoutPort(v.downstreamDirectRemoteAddress),
  DOWNSTREAM_DIRECT_REMOTE_PORT: (v) => portOf(v.downstreamDirectRemoteAddress),
  DOWNSTREAM_LOCAL_URI_SAN: (v) => v.downstreamLocalUriSan,
  UPSTREAM_REMOTE_ADDRESS: (v) => v.upstreamHost,
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (v) => withoutPort(v.upstreamHost),
  DOWNSTREAM_REMOTE_ADDRESS: (v) => v.downstreamRemoteAddress,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (v) => withoutPort(v.downstreamRemoteAddress),
  DOWNSTREAM_REMOTE_PORT: (v) => portOf(v.downstreamRemoteAddress),
  DOWNSTREAM_LOCAL_ADDRESS: (v) => v.downstreamLocalAddress,
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (v) => withoutPort(v.downstreamLocalAddress),
  DOWNSTREAM_LOCAL_PORT: (v) => portOf(v.downstreamLocalAddress),
  DOWNSTREAM_PEER_URI_SAN: (v) => v.downstreamPeerUriSan,
  REQUESTED_SERVER_NAME: (v) => v.requestedServerName,
  ROUTE_NAME: (v) => v.routeName,
};

const PSEUDO: Readonly<Record<string, Read>> = {
  ":method": (v) => v.method,
  ":path": (v) => v.path,
  ":authority": (v) => v.authority,
  host: (v) => v.authority,
  ":scheme": (v) => v.scheme,
};

const OPERATOR = /%(?:%|([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?%)|%|[^%]+/g;

/**
 * A constant, or a function of the exchange.
 *
 * @throws {CompileError} For an operator that is not known or is not closed.
 */
export function compileFormat(template: string, path: string): string | Format {
  const parts = [...template.matchAll(OPERATOR)].map((found) => part(found, template, path));
  if (parts.every((p) => typeof p === "string")) return parts.join("");
  const [only] = parts;
  if (parts.length === 1 && typeof only === "function") return (view) => only(view) ?? "";
  return (view) => {
    let text = "";
    for (const p of parts) text += typeof p === "string" ? p : (p(view) ?? "");
    return text;
  };
}

function part(found: RegExpExecArray, template: string, path: string): string | Read {
  const [text, name, argument, length] = found;
  if (text === "%%") return "%";
  if (text === "%")
    throw new CompileError(path, `a % must begin an operator or be doubled, found ${JSON.stringify(template)}`);
  if (name === undefined) return wireText(text);
  const read = operator(name, argument, path);
  const maxChars = length === undefined ? undefined : Number(length);
  return maxChars === undefined ? read : (view) => read(view)?.slice(0, maxChars);
}

function operator(name: string, argument: string | undefined, path: string): Read {
  if (isHeaderOperator(name)) {
    const reader = name === "REQ" ? requestHeader : responseHeader;
    const [first, other] = headerNames(argument, path).map(reader);
    return (view) => first?.(view) ?? other?.(view);
  }
  if (!isPlainOperator(name)) throw new CompileError(path, `the operator %${name}% is not supported in headers`);
  if (argument !== undefined) throw new CompileError(path, `%${name}% takes no argument here, found "${argument}"`);
  return OPERATORS[name];
}

const requestHeader = (lower: string): Read => own(PSEUDO, lower) ?? ((v) => v.requestHeader(lower));
const responseHeader =
  (lower: string): Read =>
  (v) =>
    v.responseHeader(lower);

function headerNames(argument: string | undefined, path: string): readonly string[] {
  const names = headersOf(argument);
  if (names !== undefined) return names;
  throw new CompileError(
    path,
    `expected a header and at most one alternative, as (X) or (X?Y), found "${argument ?? ""}"`,
  );
}

function own(table: Readonly<Record<string, Read>>, name: string): Read | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

const withoutPort = (address: string | undefined): string | undefined =>
  address?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
const portOf = (address: string | undefined): string | undefined => address?.match(/:(\d+)$/)?.[1];
