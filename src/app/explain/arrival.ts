/**
 * The destination's side: whether TLS of both sides fits, and what the policies of the workload say.
 *
 * @module
 */
import { RATE_LIMIT_SUBJECT } from "../../engine/http/local-rate-limit.ts";
import type { CompiledHttp } from "../../engine/http.ts";
import type { UpstreamTls } from "../../engine/tls.ts";
import type { CompiledChain } from "../../engine/listener/listener.ts";
import { compileNetworkRbac } from "../../engine/rbac/network-rbac.ts";
import type { PeerView } from "../../engine/request.ts";
import type { TraceStep } from "../../engine/trace.ts";
import type { Mesh } from "../../model/mesh.ts";
import { type AuthorizationPolicy, policyId } from "../../model/security.ts";
import type { Instance, InstancePort } from "../../model/service.ts";
import { writtenPolicy } from "../../translate/rbac-rule.ts";
import type { Sources } from "../../translate/source.ts";
import type { ProxyResources } from "../../translate/translate.ts";
import type { Arrival, PolicyStep, TlsExplanation } from "./explanation.ts";
import { policyWords } from "./policy-words.ts";
import { LOOPBACK, type SimulatedMesh } from "./simulated-mesh.ts";
import type { SimulatedRequest } from "./simulated-request.ts";

/** How a client calls. */
export interface Caller {
  /** Undefined: plain text. */
  readonly tls: UpstreamTls | undefined;
  readonly tlsReason: string;
  /** Shown when the client has a certificate of the mesh. */
  readonly identity: string | undefined;
}

/** @param request Undefined for a TCP connection. */
export function arrive(
  simulated: SimulatedMesh,
  instance: Instance,
  port: InstancePort,
  caller: Caller,
  request: SimulatedRequest | undefined,
): Arrival {
  const resources = simulated.resourcesOf(instance);
  const { listeners, sources } = resources;
  const message = listeners.find((l) => l.address?.socketAddress?.portValue === port.inbound.port);
  if (message === undefined) throw new Error(`the proxy of ${instance.id} has no listener for port ${port.targetPort}`);
  const chain = simulated.compiled.listener(message).select({
    destinationPort: port.inbound.port,
    destinationAddress: port.inbound.address,
    sni: caller.tls?.sni?.toLowerCase() ?? "",
    transport: caller.tls === undefined ? "raw_buffer" : "tls",
    alpn: shownProtocols(caller, request !== undefined),
    sourceAddress: LOOPBACK,
    sourcePort: 0,
  });
  const taken = sources.inboundModes[message.name ?? ""];
  const tls: TlsExplanation = {
    client: caller.tls === undefined ? "plain text" : caller.tls.certificate === undefined ? "TLS" : "mutual TLS",
    clientReason: caller.tlsReason,
    mode: taken?.mode ?? "PERMISSIVE",
    modeSource: taken?.source,
    problem: tlsProblem(chain, caller, simulated.identityOf(instance)),
  };
  const workloads = [instance.workload.name];
  if (tls.problem !== undefined || chain === undefined)
    return { workloads, tls, policies: [], outcome: "fails", reason: tls.problem ?? "no filter chain takes it" };
  if (request === undefined && chain.terminal.t === "http")
    return { workloads, tls, policies: [], outcome: "fails", reason: "the server takes nothing but HTTP there" };
  const verdict = authorize(simulated, resources, chain, port, peerOf(chain, caller, port), request);
  return { workloads, tls, ...verdict };
}

/** What names the protocol before a byte of it is read: ALPN, or what detection makes of the first bytes. */
function shownProtocols({ tls }: Caller, http: boolean): readonly string[] {
  return tls === undefined || tls.alpn.length === 0 ? (http ? ["http/1.1"] : []) : tls.alpn;
}

/** Why the connection does not come about; undefined when it does. */
function tlsProblem(chain: CompiledChain | undefined, caller: Caller, serverIdentity: string): string | undefined {
  if (chain === undefined) return "no filter chain of the server takes such a connection";
  const { tls: server } = chain;
  const { tls: client } = caller;
  if (client === undefined)
    return server === undefined ? undefined : "the server takes mutual TLS only, and the client calls in plain text";
  if (server === undefined) return "the client starts TLS, and the server takes plain text only";
  const wrongServer = client.refuses({ uriSans: [serverIdentity], dnsSans: [] });
  if (wrongServer !== undefined) return `the client refuses the server's certificate: ${wrongServer}`;
  if (!server.requireClientCertificate) return undefined;
  if (client.certificate === undefined) return "the server asks for a certificate, and the client has none";
  // Whose certificate a file or a credential holds is not known here.
  if (!isOwn(client.certificate) || caller.identity === undefined) return undefined;
  const wrongClient = server.refuses({ uriSans: [caller.identity], dnsSans: [] });
  return wrongClient === undefined ? undefined : `the server refuses the client's certificate: ${wrongClient}`;
}

/** The workload's own, of the agent beside it. */
const isOwn = (certificate: UpstreamTls["certificate"]): boolean =>
  certificate?.t === "secret" && certificate.discovered !== true;

function peerOf(chain: CompiledChain, { tls, identity }: Caller, { inbound }: InstancePort): PeerView {
  const shown = isOwn(tls?.certificate) && chain.tls !== undefined;
  return {
    tls: chain.tls !== undefined,
    spiffeId: shown ? identity : undefined,
    sni: tls?.sni,
    remote: { address: LOOPBACK, port: 0 },
    local: inbound,
  };
}

/** Which rate limits a request falls under. */
export function rateLimitsIn(trace: readonly TraceStep[]): { readonly rateLimits?: readonly string[] } {
  const limits = trace.filter(({ step, subject }) => step === "filter" && subject === RATE_LIMIT_SUBJECT);
  return limits.length === 0 ? {} : { rateLimits: limits.map(({ reason }) => reason) };
}

type Verdict = Pick<Arrival, "policies" | "rateLimits" | "outcome" | "reason">;

function authorize(
  { mesh, compiled }: SimulatedMesh,
  resources: ProxyResources,
  chain: CompiledChain,
  port: InstancePort,
  peer: PeerView,
  request: SimulatedRequest | undefined,
): Verdict {
  const trace: TraceStep[] = [];
  const { terminal } = chain;
  const http = terminal.t === "tcp" || request === undefined ? undefined : compiled.http(resources, terminal);
  const allowed = isAllowed(chain, http, peer, request, trace);
  const policies = trace.flatMap((step) => policyStep(mesh, resources.sources, port, terminal.t === "http", step));
  return {
    policies,
    ...rateLimitsIn(trace),
    outcome: allowed ? "allowed" : "denied",
    reason: verdictReason(policies, allowed),
  };
}

function isAllowed(
  { admission }: CompiledChain,
  http: CompiledHttp | undefined,
  peer: PeerView,
  request: SimulatedRequest | undefined,
  trace: TraceStep[],
): boolean {
  for (const filter of admission)
    if (filter.t === "rbac" && !compileNetworkRbac(filter.config)(peer, trace).allowed) return false;
  if (http === undefined || request === undefined) return true;
  const decision = http.decide(request, peer, () => 0, trace);
  return decision.t !== "reply";
}

const POLICY_NAME = /^ns\[(.*)\]-policy\[(.*)\]-rule\[(\d+)\]$/;

function policyStep(
  mesh: Mesh,
  sources: Sources,
  { inbound, targetPort }: InstancePort,
  http: boolean,
  { step, subject, verdict, reason, shadow }: TraceStep,
): PolicyStep[] {
  const [, namespace, name, number] = step === "policy" ? (POLICY_NAME.exec(subject) ?? []) : [];
  const policy = mesh.authorizationPolicies.find((p) => p.origin.namespace === namespace && policyId(p) === name);
  if (policy === undefined) return [];
  const matched = verdict !== "notMatched";
  const port = { targetPort, listenPort: inbound.port };
  const asked = { action: policy.action, trustDomain: mesh.settings.trustDomain, http, at: port };
  const rule = policy.rules[Number(number)];
  const written = rule && writtenPolicy(rule, asked);
  return [
    {
      policy: `${namespace}/${policy.origin.name}`,
      rule: Number(number),
      action: policy.action,
      matched,
      dryRun: shadow === true,
      reasons: policyWords(reason, matched, written, `rules[${number}]`, port),
      source: sources.policies[subject],
    },
  ];
}

function verdictReason(policies: readonly PolicyStep[], allowed: boolean): string {
  const enforced = policies.filter((p) => !p.dryRun);
  const decisive = enforced.find((p) => p.matched);
  if (decisive !== undefined) {
    const does: Readonly<Record<AuthorizationPolicy["action"], string>> = { ALLOW: "allows", DENY: "denies" };
    return `${decisive.source?.kind ?? "AuthorizationPolicy"} ${decisive.policy} ${does[decisive.action]} it`;
  }
  if (!allowed) return "there are ALLOW policies for the workload, and no rule of them matches";
  return enforced.length === 0
    ? "no policy is for the workload"
    : "no DENY policy matches, and there is no ALLOW policy";
}
