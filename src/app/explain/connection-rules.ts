/**
 * The `tcp` and `tls` rules of a VirtualService that concern a connection: which one takes it, and why the others do not.
 *
 * @module
 */
import { MESH_GATEWAY } from "../../model/gateway.ts";
import type { ConnectionMatch, TlsMatch, VirtualService } from "../../model/virtual-service.ts";
import { isTls, subnetsFit, tcpRuleOf } from "../../translate/connections.ts";
import { attachedRoutes, CONNECTIONS } from "../../translate/gateway-api/service-parents.ts";
import { covers } from "../../translate/mesh-index.ts";
import type { Scope } from "../../translate/scope.ts";
import { sourceOf } from "../../translate/source.ts";
import type { CalledService } from "./dialed.ts";
import type { ConditionStep, RuleStep } from "./explanation.ts";
import { otherCalls, type RuleContext } from "./rule-steps.ts";

export interface CalledBy extends CalledService {
  /** That a client of TLS asks for. */
  readonly name: string;
  /** Of the filter chain that takes the connection; undefined for none. */
  readonly chain: string | undefined;
}

/** Empty where routes of the Gateway API decide, or no VirtualService has such rules. */
export function connectionRules(context: RuleContext, scope: Scope, called: CalledBy): readonly RuleStep[] {
  const { mesh } = context;
  const { port, service } = called;
  if (attachedRoutes(mesh, service, port.number, scope, CONNECTIONS).length > 0) return [];
  const own = mesh.virtualServices.filter(
    ({ gateways, hosts }) => gateways.includes(MESH_GATEWAY) && hosts.some((host) => covers(host, service.hostname)),
  );
  return isTls(port.protocol)
    ? own.flatMap((it) => tlsSteps(it, called, context))
    : tcpSteps(own, called, context, tcpRuleOf({ mesh, scope }, called));
}

function tlsSteps(virtualService: VirtualService, called: CalledBy, context: RuleContext): readonly RuleStep[] {
  const { name, namespace } = virtualService.origin;
  return virtualService.tls.flatMap(({ matches }, i) =>
    matches.map((match, j) => {
      const path = `tls[${i}].match[${j}]`;
      const step = stepOf(virtualService, `tls[${i}]`, match, path);
      if (called.chain === `${name}.${namespace}.${path}`)
        return step("matched", [askedName(match, path, called.name)]);
      const others = elsewhere(match, path, called, context);
      if (others.length > 0) return step("notForCall", others);
      const asked = askedName(match, path, called.name);
      return asked.holds ? step("notReached", []) : step("notMatched", [asked]);
    }),
  );
}

function askedName({ sniHosts }: TlsMatch, path: string, name: string): ConditionStep {
  const field = `${path}.sniHosts`;
  const holds = sniHosts.some((host) => covers(host, name));
  return { holds, field, text: `${field}: ${sniHosts.join(" or ")}, the client asks for ${name}` };
}

function tcpSteps(
  own: readonly VirtualService[],
  called: CalledBy,
  context: RuleContext,
  taken: ReturnType<typeof tcpRuleOf>,
): readonly RuleStep[] {
  let isTaken = false;
  return own.flatMap((virtualService) =>
    virtualService.tcp.flatMap((rule, i) => {
      const name = `tcp[${i}]`;
      const matches: readonly (ConnectionMatch | undefined)[] = rule.matches.length === 0 ? [undefined] : rule.matches;
      return matches.map((match, j) => {
        const path = match === undefined ? name : `${name}.match[${j}]`;
        const step = stepOf(virtualService, name, match ?? rule, path);
        const others = match === undefined ? [] : elsewhere(match, path, called, context);
        if (others.length > 0) return step("notForCall", others);
        if (rule !== taken || isTaken) return step("notReached", []);
        isTaken = true;
        return step("matched", []);
      });
    }),
  );
}

/** What of a match is settled before any connection. */
function elsewhere(
  match: ConnectionMatch,
  path: string,
  { port, service }: CalledService,
  context: RuleContext,
): readonly ConditionStep[] {
  const { destinationSubnets } = match;
  const others = otherCalls({ match, path }, `${service.hostname}:${port.number}`, context);
  if (subnetsFit(match, service)) return others;
  const field = `${path}.destinationSubnets`;
  const addresses = service.addresses.length === 0 ? "has no address" : `is at ${service.addresses.join(" and ")}`;
  return [
    ...others,
    { holds: false, field, text: `${field}: ${destinationSubnets.join(" or ")}, the service ${addresses}` },
  ];
}

const stepOf =
  (
    { origin }: VirtualService,
    name: string,
    { place }: Pick<ConnectionMatch, "place">,
    path: string,
  ): ((verdict: RuleStep["verdict"], conditions: readonly ConditionStep[]) => RuleStep) =>
  (verdict, conditions) => ({
    name,
    verdict,
    matched: verdict === "matched",
    reason: reasonOf(verdict, conditions),
    conditions,
    source: sourceOf(origin, place),
    match: path,
  });

function reasonOf(verdict: RuleStep["verdict"], conditions: readonly ConditionStep[]): string {
  const told = conditions.map(({ text }) => text).join("; ");
  if (verdict === "notReached") return "not reached: a rule before it takes the connection";
  return verdict === "notForCall" ? `for other calls: ${told}` : told || "every connection to the port matches";
}
