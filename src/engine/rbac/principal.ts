/**
 * `envoy.config.rbac.v3.Principal`, compiled.
 *
 * Differs: names are compared with the verified SPIFFE identity only. Envoy falls back to DNS names and the subject where
 * a certificate has no URI; we do not accept such a certificate as an identity.
 *
 * Not here: `metadata` (nothing fills it yet): refused. Of `filter_state` there is the peer's identity, under the key
 * that Istio gives it.
 *
 * @module
 */
import type { FilterStateMatcher } from "../../xds/proto/matcher.ts";
import type { Principal, Authenticated } from "../../xds/proto/rbac.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import type { Check } from "../match/check.ts";
import { compileHeaderMatcher } from "../match/header-matcher.ts";
import { compileStringMatcher } from "../match/string-matcher.ts";
import type { PeerView, RequestView } from "../request.ts";
import { addressIn, anything, conjunction, disjunction, negation, textOf, urlPath } from "./conditions.ts";

/** The client's address, as far as `x-forwarded-for` is trusted. */
export type RemoteAddressOf = (request: RequestView, peer: PeerView) => string;

const PEER_PRINCIPAL = "io.istio.peer_principal";

/** @throws {CompileError} */
export function compilePrincipal(principal: Principal, remote: RemoteAddressOf, path: string): Check {
  const at = (field: keyof Principal): string => fieldPath(path, field);
  const each = (ids: readonly Principal[] | undefined, field: keyof Principal): readonly Check[] =>
    (ids ?? []).map((id, i) => compilePrincipal(id, remote, `${at(field)}.ids[${i}]`));
  const { andIds, orIds, notId, any, header, urlPath: pathMatcher } = principal;
  if (andIds !== undefined) return conjunction(each(andIds.ids, "andIds"), at("andIds"));
  if (orIds !== undefined) return disjunction(each(orIds.ids, "orIds"), at("orIds"));
  if (notId !== undefined) return negation(compilePrincipal(notId, remote, at("notId")));
  if (any !== undefined) return anything(any, at("any"));
  if (header !== undefined) return compileHeaderMatcher(header, at("header"));
  if (pathMatcher !== undefined) return urlPath(pathMatcher, at("urlPath"));
  const ofPeer = identityPrincipal(principal, at) ?? addressPrincipal(principal, remote, at);
  if (ofPeer !== undefined) return ofPeer;
  const other = Object.entries(principal).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) throw new CompileError(fieldPath(path, other), "is not supported yet");
  throw new CompileError(path, "must hold an identifier");
}

type At = (field: keyof Principal) => string;

function identityPrincipal({ authenticated, filterState }: Principal, at: At): Check | undefined {
  if (authenticated !== undefined) return compileAuthenticated(authenticated, at("authenticated"));
  return filterState === undefined ? undefined : compileFilterState(filterState, at("filterState"));
}

function addressPrincipal(principal: Principal, remote: RemoteAddressOf, at: At): Check | undefined {
  const { sourceIp, directRemoteIp, remoteIp } = principal;
  const ofConnection: RemoteAddressOf = (_, peer) => peer.remote.address;
  if (sourceIp !== undefined) return addressIn(sourceIp, "source", ofConnection, at("sourceIp"));
  const ofOtherEnd: RemoteAddressOf = (_, peer) => (peer.directRemote ?? peer.remote).address;
  if (directRemoteIp !== undefined) return addressIn(directRemoteIp, "source", ofOtherEnd, at("directRemoteIp"));
  return remoteIp === undefined ? undefined : addressIn(remoteIp, "client", remote, at("remoteIp"));
}

function compileAuthenticated(authenticated: Authenticated, path: string): Check {
  refuseOthers(authenticated, path, new Set(["principalName"]));
  const { principalName } = authenticated;
  if (principalName === undefined) {
    return { test: (_, peer) => peer.tls, explain: (_, peer) => `wanted TLS, found ${peer.tls ? "it" : "plaintext"}` };
  }
  return textOf(compileStringMatcher(principalName, fieldPath(path, "principalName")), "principal", identityOf);
}

function compileFilterState(matcher: FilterStateMatcher, path: string): Check {
  refuseOthers(matcher, path, new Set(["key", "stringMatch"]));
  if (matcher.key !== PEER_PRINCIPAL || matcher.stringMatch === undefined) {
    throw new CompileError(path, `only ${PEER_PRINCIPAL} with string_match is supported, found "${matcher.key ?? ""}"`);
  }
  return textOf(compileStringMatcher(matcher.stringMatch, fieldPath(path, "stringMatch")), "principal", identityOf);
}

const identityOf = (peer: PeerView): string | undefined => (peer.tls ? peer.spiffeId : undefined);
