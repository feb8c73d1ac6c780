/**
 * `hash_policy` of a route, compiled: what of a request chooses its endpoint, where the cluster's balancer hashes.
 *
 * Source: `RouteAction.HashPolicy` of `envoy/config/route/v3/route_components.proto`. As in Envoy: of a header with
 * several values their order does not count; a query parameter counts as it is written, the first of its name; hashes of
 * several keys are joined by rotating left and XOR; a terminal key that has a value is the last one.
 *
 * Differs: the headers are those that came from the client; Envoy's first attempt sees in addition what its connection
 * manager has put there (`x-forwarded-for` with the client in it), its retries what the route's edits have.
 *
 * @module
 */
import type { RouteActionHashPolicy, RouteActionHashPolicyHeader } from "../../xds/proto/route-action.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import { headerReader } from "../match/header-matcher.ts";
import { compileSubstitution } from "../match/regex.ts";
import type { PeerView, RequestView } from "../request.ts";
import { quoted } from "../trace.ts";
import { compileCookie, cookieIn, type GeneratedCookie } from "./cookie.ts";
import { hashOfWires } from "./xx-hash.ts";

/** What a hash is taken of. */
export interface HashInput {
  readonly request: RequestView;
  readonly peer: PeerView;
  /** The client's address, behind proxies that are trusted. */
  readonly sourceIp: string;
}

export interface RequestHash {
  /** Undefined: the request has none of the keys. */
  readonly hash: bigint | undefined;
  /** For clients that had none. */
  readonly cookies: readonly GeneratedCookie[];
  /** The keys that counted: `header x-user "ann"`. */
  readonly keys: readonly string[];
}

export interface RouteHash {
  of(input: HashInput): RequestHash;
  /** What is looked at, in order: `header x-user`. */
  readonly names: readonly string[];
}

interface HashKey {
  readonly name: string;
  readonly terminal: boolean;
  /** Undefined: the request has it not. */
  read(input: HashInput): string | readonly string[] | GeneratedCookie | undefined;
}

const KNOWN = new Set(["header", "cookie", "connectionProperties", "queryParameter", "terminal"]);

/** Undefined when there is nothing to hash by. @throws {CompileError} */
export function compileRouteHash(policies: readonly RouteActionHashPolicy[] = [], path: string): RouteHash | undefined {
  const keys = policies.flatMap((policy, i) => compileKey(policy, `${path}[${i}]`));
  if (keys.length === 0) return undefined;
  return { names: keys.map(({ name }) => name), of: (input) => hashBy(keys, input) };
}

function hashBy(keys: readonly HashKey[], input: HashInput): RequestHash {
  let hash: bigint | undefined;
  const cookies: GeneratedCookie[] = [];
  const used: string[] = [];
  for (const key of keys) {
    const found = key.read(input);
    if (found !== undefined) {
      if (isGenerated(found)) cookies.push(found);
      const values = isGenerated(found) ? [found.value] : [found].flat();
      used.push(`${key.name} ${values.map(quoted).join(", ")}`);
      hash = (hash === undefined ? 0n : rotated(hash)) ^ hashOfWires(values);
    }
    if (key.terminal && hash !== undefined) break;
  }
  return { hash, cookies, keys: used };
}

const isGenerated = (found: string | readonly string[] | GeneratedCookie): found is GeneratedCookie =>
  typeof found === "object" && "line" in found;

const rotated = (hash: bigint): bigint => BigInt.asUintN(64, (hash << 1n) | (hash >> 63n));

function compileKey(policy: RouteActionHashPolicy, path: string): readonly HashKey[] {
  refuseOthers(policy, path, KNOWN);
  const { header, cookie, connectionProperties, queryParameter, terminal = false } = policy;
  if (header !== undefined)
    return [{ name: `header ${header.headerName}`, terminal, read: headerKey(header, `${path}.header`) }];
  if (cookie !== undefined) {
    const make = compileCookie(cookie, `${path}.cookie`);
    const { name = "" } = cookie;
    const read = ({ request, peer }: HashInput) => cookieIn(request, name) || make?.(peer);
    return [{ name: `cookie ${name}`, terminal, read }];
  }
  if (queryParameter !== undefined) {
    const { name = "" } = queryParameter;
    if (name === "") throw new CompileError(`${path}.query_parameter.name`, "must not be empty");
    return [{ name: `query parameter ${name}`, terminal, read: ({ request }) => parameterIn(request.path, name) }];
  }
  if (connectionProperties === undefined)
    throw new CompileError(path, "must hold header, cookie, connection_properties or query_parameter");
  if (!connectionProperties.sourceIp) return [];
  return [{ name: "source IP", terminal, read: ({ sourceIp }) => sourceIp || undefined }];
}

function headerKey({ headerName = "", regexRewrite }: RouteActionHashPolicyHeader, path: string): HashKey["read"] {
  const name = headerName.toLowerCase();
  if (name === "") throw new CompileError(`${path}.header_name`, "must not be empty");
  const rewrite = regexRewrite && compileSubstitution(regexRewrite, `${path}.regex_rewrite`);
  const read = headerReader(name);
  const isPseudo = name.startsWith(":") || name === "host";
  return ({ request }) => {
    const joined = read(request);
    if (joined === undefined) return undefined;
    const lines = (isPseudo ? undefined : request.headerLines?.(name)) ?? [joined];
    const values = rewrite === undefined ? [...lines] : lines.map(rewrite);
    return values.sort();
  };
}

function parameterIn(path: string, name: string): string | undefined {
  const start = path.indexOf("?");
  if (start < 0) return undefined;
  for (const pair of path.slice(start + 1).split("&")) {
    const equals = pair.indexOf("=");
    if ((equals < 0 ? pair : pair.slice(0, equals)) === name) return equals < 0 ? "" : pair.slice(equals + 1);
  }
  return undefined;
}
