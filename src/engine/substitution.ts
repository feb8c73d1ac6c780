/**
 * `%…%` in header values, compiled.
 *
 * Source: Envoy documentation, "HTTP header manipulation" and the command operators of access logs. What has no value
 * prints as nothing.
 *
 * Not here: `DYNAMIC_METADATA`, `FILTER_STATE`, `ENVIRONMENT` and what else is rarely put into headers: refused.
 *
 * @module
 */
import { CompileError } from "./compile-error.ts";
import { wireText } from "./match/wire-text.ts";
import type { SubstitutionView } from "./request.ts";

export type Format = (view: SubstitutionView) => string;
type Read = (view: SubstitutionView) => string | undefined;

const OPERATORS: Readonly<Record<string, Read>> = {
  PROTOCOL: (v) => v.protocol,
  RESPONSE_CODE: (v) => (v.responseCode > 0 ? String(v.responseCode) : undefined),
  START_TIME: (v) => new Date(v.startWallMs).toISOString(),
  UPSTREAM_HOST: (v) => v.upstreamHost,
  UPSTREAM_CLUSTER: (v) => v.upstreamCluster,
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
  if (name === "REQ")
    return headerOperator(argument, path, (lower) => own(PSEUDO, lower) ?? ((v) => v.requestHeader(lower)));
  if (name === "RESP") return headerOperator(argument, path, (lower) => (v) => v.responseHeader(lower));
  const read = own(OPERATORS, name);
  if (read === undefined) throw new CompileError(path, `the operator %${name}% is not supported in headers`);
  if (argument !== undefined) throw new CompileError(path, `%${name}% takes no argument here, found "${argument}"`);
  return read;
}

function headerOperator(argument: string | undefined, path: string, reader: (lowerName: string) => Read): Read {
  const names = (argument ?? "").toLowerCase().split("?");
  if (names.length > 2 || names.some((name) => !/^:?[!#$&'*+.^_`|~0-9a-z-]+$/.test(name))) {
    throw new CompileError(
      path,
      `expected a header and at most one alternative, as (X) or (X?Y), found "${argument ?? ""}"`,
    );
  }
  const [first, other] = names.map(reader);
  return (view) => first?.(view) ?? other?.(view);
}

function own(table: Readonly<Record<string, Read>>, name: string): Read | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

const withoutPort = (address: string | undefined): string | undefined =>
  address?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
const portOf = (address: string | undefined): string | undefined => address?.match(/:(\d+)$/)?.[1];
