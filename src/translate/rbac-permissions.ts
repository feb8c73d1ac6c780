/**
 * The side of a rule that asks what is called: RBAC permissions.
 *
 * Source: Istio's translation. Hosts have no case. Ports are the workload's; its proxy may listen on another one, and
 * {@link ListenerPort} tells which.
 *
 * @module
 */
import type { StringMatch } from "../model/match.ts";
import type { AuthorizationOperation } from "../model/security.ts";
import type { Permission } from "../xds/proto/rbac.ts";
import { cidrRange } from "./rbac-principals.ts";
import { patternTerm, type WrittenTerm, writtenTerm } from "./rbac-written.ts";
import { headerMatcher, starPattern, stringMatcher } from "./string-matcher.ts";

/** Any of `any`, and none of `none`; empty lists ask nothing. */
export interface PermissionTerm {
  readonly any: readonly Permission[];
  readonly none: readonly Permission[];
  readonly written: WrittenTerm;
  /** Cannot be asked of an opaque connection. */
  readonly httpOnly: boolean;
}

/** The listener that rules are made for; where undefined, ports are matched as they are written. */
export interface ListenerPort {
  /** The workload's port that it serves. */
  readonly targetPort: number;
  /** The port that it listens on itself. */
  readonly listenPort: number;
}

export function operationTerms(
  operation: AuthorizationOperation,
  at: ListenerPort | undefined,
): readonly PermissionTerm[] {
  const { ports, notPorts } = operation;
  const port = (number: number): Permission => byPort(number, at);
  const http = (
    [anyField, noneField]: readonly ["hosts" | "methods" | "paths", "notHosts" | "notMethods" | "notPaths"],
    ask: (match: StringMatch) => Permission,
  ): PermissionTerm => ({
    any: operation[anyField].map(ask),
    none: operation[noneField].map(ask),
    written: patternTerm(`operation.${anyField}`, operation[anyField], `operation.${noneField}`, operation[noneField]),
    httpOnly: true,
  });
  return [
    http(["hosts", "notHosts"], byHost),
    http(["methods", "notMethods"], byMethod),
    http(["paths", "notPaths"], byPath),
    ...Object.entries(operation.headers).map(
      ([name, match]): PermissionTerm => ({
        any: [{ header: headerMatcher(name, match) }],
        none: [],
        written: patternTerm(`operation.headers.${name}`, [match], "", []),
        httpOnly: true,
      }),
    ),
    {
      any: ports.map(port),
      none: notPorts.map(port),
      written: writtenTerm("operation.ports", ports.map(String), "operation.notPorts", notPorts.map(String)),
      httpOnly: false,
    },
  ];
}

/** How a value of a `when` condition is asked of the call; undefined when `key` is not about it. */
export function conditionPermission(
  key: string,
  at: ListenerPort | undefined,
): ((value: string) => Permission) | undefined {
  switch (key) {
    case "destination.ip":
      return (value) => ({ destinationIp: cidrRange(value) });
    case "destination.port":
      return (value) => byPort(Number(value), at);
    case "connection.sni":
      return (value) => ({ requestedServerName: stringMatcher(starPattern(value)) });
    default:
      return undefined;
  }
}

const byHost = (match: StringMatch): Permission => ({ header: headerMatcher(":authority", match, true) });
const byMethod = (match: StringMatch): Permission => ({ header: headerMatcher(":method", match) });
const byPath = (match: StringMatch): Permission => ({ urlPath: { path: stringMatcher(match) } });

/** A port that this listener does not serve is never called here, even where the listener has its number by chance. */
function byPort(port: number, at: ListenerPort | undefined): Permission {
  if (at === undefined) return { destinationPort: port };
  return port === at.targetPort ? { destinationPort: at.listenPort } : { notRule: { any: true } };
}
