/**
 * `envoy.config.rbac.v3.Permission`, compiled.
 *
 * Not here: `metadata` (nothing fills it yet), `matcher` and `uri_template`: refused.
 *
 * @module
 */
import type { Permission } from "../../xds/proto/rbac.ts";
import { CompileError, fieldPath } from "../compile-error.ts";
import type { Check } from "../match/check.ts";
import { compileHeaderMatcher } from "../match/header-matcher.ts";
import { compileStringMatcher } from "../match/string-matcher.ts";
import type { Int32Range } from "../../xds/proto/type.ts";
import { addressIn, anything, conjunction, disjunction, negation, textOf, urlPath } from "./conditions.ts";

/** @throws {CompileError} */
export function compilePermission(permission: Permission, path: string): Check {
  const at = (field: keyof Permission): string => fieldPath(path, field);
  const { andRules, orRules, notRule, any, header, urlPath: pathMatcher } = permission;
  if (andRules !== undefined)
    return conjunction(compileEach(andRules.rules, `${at("andRules")}.rules`), at("andRules"));
  if (orRules !== undefined) return disjunction(compileEach(orRules.rules, `${at("orRules")}.rules`), at("orRules"));
  if (notRule !== undefined) return negation(compilePermission(notRule, at("notRule")));
  if (any !== undefined) return anything(any, at("any"));
  if (header !== undefined) return compileHeaderMatcher(header, at("header"));
  if (pathMatcher !== undefined) return urlPath(pathMatcher, at("urlPath"));
  const ofConnection = connectionPermission(permission, at);
  if (ofConnection !== undefined) return ofConnection;
  const other = Object.entries(permission).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) throw new CompileError(fieldPath(path, other), "is not supported yet");
  throw new CompileError(path, "must hold a rule");
}

const compileEach = (rules: readonly Permission[] | undefined, path: string): readonly Check[] =>
  (rules ?? []).map((rule, i) => compilePermission(rule, `${path}[${i}]`));

function connectionPermission(permission: Permission, at: (field: keyof Permission) => string): Check | undefined {
  const { destinationIp, destinationPort, destinationPortRange, requestedServerName } = permission;
  if (destinationIp !== undefined) {
    return addressIn(destinationIp, "destination", (_, peer) => peer.local.address, at("destinationIp"));
  }
  if (destinationPort !== undefined) return portIn({ start: destinationPort, end: destinationPort + 1 });
  if (destinationPortRange !== undefined) return portIn(destinationPortRange);
  if (requestedServerName === undefined) return undefined;
  // A client that names no server asks for "".
  const name = compileStringMatcher(requestedServerName, at("requestedServerName"));
  return textOf(name, "server name", (peer) => peer.sni ?? "");
}

function portIn({ start = 0, end = 0 }: Int32Range): Check {
  const wanted = end === start + 1 ? String(start) : `from ${start} to below ${end}`;
  return {
    test: (_, peer) => peer.local.port >= start && peer.local.port < end,
    explain: (_, peer) => `destination port: wanted ${wanted}, found ${peer.local.port}`,
  };
}
