/**
 * The side of a rule that asks who is calling: RBAC principals.
 *
 * Source: Istio's translation. Identities are matched on the URI in the peer's certificate, a namespace by its place in that
 * URI. `cluster.local` in a principal stands for the mesh's own trust domain, whatever that is called.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { StringMatch } from "../model/match.ts";
import type { AuthorizationSource } from "../model/security.ts";
import type { CidrRange } from "../xds/proto/core-address.ts";
import type { StringMatcher } from "../xds/proto/matcher.ts";
import type { Principal } from "../xds/proto/rbac.ts";
import { patternTerm, type WrittenTerm, writtenTerm } from "./rbac-written.ts";
import { escapeRegex, headerMatcher, starPattern } from "./string-matcher.ts";

/** Any of `any`, and none of `none`; empty lists ask nothing. */
export interface PrincipalTerm {
  readonly any: readonly Principal[];
  readonly none: readonly Principal[];
  readonly written: WrittenTerm;
}

export function sourceTerms(source: AuthorizationSource, trustDomain: string): readonly PrincipalTerm[] {
  const principal = (match: StringMatch): Principal => byPrincipal(match, trustDomain);
  const { principals, notPrincipals, namespaces, notNamespaces, ipBlocks, notIpBlocks } = source;
  const { remoteIpBlocks, notRemoteIpBlocks, trustDomains, notTrustDomains } = source;
  return [
    {
      any: principals.map(principal),
      none: notPrincipals.map(principal),
      written: patternTerm("source.principals", principals, "source.notPrincipals", notPrincipals),
    },
    {
      any: namespaces.map(byNamespace),
      none: notNamespaces.map(byNamespace),
      written: patternTerm("source.namespaces", namespaces, "source.notNamespaces", notNamespaces),
    },
    {
      any: remoteIpBlocks.map(byClient),
      none: notRemoteIpBlocks.map(byClient),
      written: writtenTerm("source.remoteIpBlocks", remoteIpBlocks, "source.notRemoteIpBlocks", notRemoteIpBlocks),
    },
    {
      any: ipBlocks.map(byAddress),
      none: notIpBlocks.map(byAddress),
      written: writtenTerm("source.ipBlocks", ipBlocks, "source.notIpBlocks", notIpBlocks),
    },
    {
      any: trustDomains.map(byTrustDomain),
      none: notTrustDomains.map(byTrustDomain),
      written: patternTerm("source.trustDomains", trustDomains, "source.notTrustDomains", notTrustDomains),
    },
  ];
}

/** How a value of a `when` condition is asked of the caller; undefined when `key` is not about the caller. */
export function conditionPrincipal(key: string, trustDomain: string): ((value: string) => Principal) | undefined {
  const header = headerOfKey(key);
  if (header !== undefined) return (value) => ({ header: headerMatcher(header, starPattern(value)) });
  switch (key) {
    case "source.ip":
      return byAddress;
    case "remote.ip":
      return byClient;
    case "source.trustDomain":
      return (value) => byTrustDomain(starPattern(value));
    case "source.serviceAccount":
      return byServiceAccount;
    case "source.namespace":
      return (value) => byNamespace(starPattern(value));
    case "source.principal":
      return (value) => byPrincipal(starPattern(value), trustDomain);
    default:
      return undefined;
  }
}

/** `X-Token` of `request.headers[X-Token]`. */
export const headerOfKey = (key: string): string | undefined => /^request\.headers\[(.+)\]$/.exec(key)?.[1];

/** `10.0.0.0/8`, or one address. */
export function cidrRange(text: string): CidrRange {
  const [addressPrefix = "", length] = text.split("/");
  return { addressPrefix, prefixLen: length === undefined ? (addressPrefix.includes(":") ? 128 : 32) : Number(length) };
}

const byAddress = (range: string): Principal => ({ directRemoteIp: cidrRange(range) });

const byClient = (range: string): Principal => ({ remoteIp: cidrRange(range) });

const byName = (principalName: StringMatcher): Principal => ({ authenticated: { principalName } });

function byPrincipal(match: StringMatch, trustDomain: string): Principal {
  switch (match.t) {
    case "exact":
      return byName({ exact: `spiffe://${inTrustDomain(match.value, trustDomain)}` });
    case "prefix":
      return byName({ prefix: `spiffe://${inTrustDomain(match.value, trustDomain)}` });
    case "suffix":
      return byName({ safeRegex: { regex: `spiffe://.*${escapeRegex(match.value)}` } });
    case "regex":
      return byName({ safeRegex: { regex: `spiffe://${match.value}` } });
    case "present":
      return byName({ safeRegex: { regex: ".+" } });
    default:
      return unreachable(match);
  }
}

const KEYWORD = "cluster.local/";

const inTrustDomain = (principal: string, trustDomain: string): string =>
  principal.startsWith(KEYWORD) ? `${trustDomain}/${principal.slice(KEYWORD.length)}` : principal;

/** `namespace/name`, in any trust domain. */
function byServiceAccount(account: string): Principal {
  const [namespace = "", name = ""] = account.split("/");
  return byPrincipal({ t: "suffix", value: `/ns/${namespace}/sa/${name}` }, "");
}

/** An asterisk stands for no slash: it would reach into the path. */
function byTrustDomain(match: StringMatch): Principal {
  switch (match.t) {
    case "exact":
      return byName({ prefix: `spiffe://${match.value}/` });
    case "prefix":
      return byName({ safeRegex: { regex: `spiffe://${escapeRegex(match.value)}[^/]*/.*` } });
    case "suffix":
      return byName({ safeRegex: { regex: `spiffe://[^/]*${escapeRegex(match.value)}/.*` } });
    case "regex":
      return byName({ safeRegex: { regex: `spiffe://${match.value}/.*` } });
    case "present":
      return byName({ safeRegex: { regex: "spiffe://[^/]+/.*" } });
    default:
      return unreachable(match);
  }
}

function byNamespace(match: StringMatch): Principal {
  return byName({ safeRegex: { regex: `.*/ns/${namespacePattern(match)}/.*` } });
}

function namespacePattern(match: StringMatch): string {
  switch (match.t) {
    case "exact":
      return escapeRegex(match.value);
    case "prefix":
      return `${escapeRegex(match.value)}.*`;
    case "suffix":
      return `.*${escapeRegex(match.value)}`;
    case "regex":
      return match.value;
    case "present":
      return ".*";
    default:
      return unreachable(match);
  }
}
