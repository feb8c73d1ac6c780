/**
 * What would happen to a request, and why: the same for people and for programs.
 *
 * @module
 */
import type { ExpectedOutcome } from "../../model/config-test.ts";
import type { MtlsMode } from "../../model/security.ts";
import type { Source } from "../../translate/source.ts";

export interface ExplainRequest {
  /** `name` or `namespace/name` of a workload; undefined for a client outside of the mesh, which has no proxy and no identity. */
  readonly from: string | undefined;
  /** Undefined for a TCP connection. */
  readonly method: string | undefined;
  /** `http://host:port/path` (`https` at a gateway), or `tcp://host:port` for a connection of whatever bytes. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of the rules only the one that decides is told, and not why: for many questions about long tables. */
  readonly brief?: boolean;
}

/**
 * `answered`: the caller's proxy answers by itself, as it is told to (a redirect). `fails`: no endpoint, TLS that does not fit, a
 * fault that always happens. Of several destinations, `denied` wins over `fails` and that over `allowed`.
 */
export type Outcome = ExpectedOutcome;

export interface Explanation {
  readonly request: {
    /** `TCP` for a connection. */
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly workload: string | undefined;
    /** Of outside: whether the workload is a gateway that the request comes in through. */
    readonly throughGateway: boolean;
    readonly identity: string | undefined;
  };
  /** Absent for a client without a proxy, and for a TCP connection. */
  readonly routing: Routing | undefined;
  /** Of a TCP connection: the tcp or tls rules of the host, in order. */
  readonly connectionRules?: readonly RuleStep[] | undefined;
  readonly destinations: readonly DestinationExplanation[];
  /** Who gets copies, as a destination of its own, and of how many requests; what becomes of them does not touch the outcome. */
  readonly mirrors: readonly DestinationExplanation[];
  readonly outcome: Outcome;
  readonly summary: string;
}

export interface Routing {
  /** Undefined: no host of the mesh has this name and port. */
  readonly host: string | undefined;
  /** Those of the host, in order: each match of a rule is one. Empty where no host is known. */
  readonly rules: readonly RuleStep[];
  readonly timeoutMs: number | undefined;
  readonly retries: RetriesExplanation | undefined;
  /** What the destination sees in place of what was sent. */
  readonly rewrite: { readonly path: string | undefined; readonly authority: string | undefined };
  readonly headers: { readonly request: readonly string[]; readonly response: readonly string[] };
  readonly faults: readonly FaultExplanation[];
  /** What the rule's corsPolicy makes of the request's origin; undefined where there is no policy, or no origin. */
  readonly cors: string | undefined;
  /** The limits of the gateway that the request falls under; absent where there are none. */
  readonly rateLimits?: readonly string[];
  /** The caller's proxy answers by itself. */
  readonly reply: OwnReply | undefined;
}

export interface OwnReply {
  readonly status: number;
  readonly reason: string;
  /** Of a redirect. */
  readonly location: string | undefined;
  readonly body: string;
  /** Names in lower case, edits made. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface RuleStep {
  /** The rule's, or `http[1]`. */
  readonly name: string;
  /**
   * `matched`: it decides. `notReached`: another one does before it is asked. `notForCall`: it is for other ports, gateways or
   * callers, and no request of this one gets to it.
   */
  readonly verdict: "matched" | "notMatched" | "notReached" | "notForCall";
  readonly matched: boolean;
  /** What decides it, in a line: all that made it match, or all that is in the way. */
  readonly reason: string;
  /** All that it asks for; empty where it is not asked, or takes every call. */
  readonly conditions: readonly ConditionStep[];
  /** The place of the match; of the rule where it has none. */
  readonly source: Source | undefined;
  /** `http[1].match[0]`; undefined where no document writes it. */
  readonly match: string | undefined;
}

export interface ConditionStep {
  readonly holds: boolean;
  /** The document's: `http[1].match[0].uri.prefix`. */
  readonly field: string | undefined;
  /** `http[1].match[0].uri.prefix: /api, the path is /v2`. */
  readonly text: string;
}

export interface RetriesExplanation {
  /** Beside the first try. */
  readonly attempts: number;
  readonly on: readonly string[];
  readonly perTryTimeoutMs: number | undefined;
  /** The first wait at most. */
  readonly backoffMs: number | undefined;
  /** Answers that say when to try again are believed up to this. */
  readonly maxRetryAfterMs?: number | undefined;
  readonly perTryIdleTimeoutMs?: number | undefined;
}

export interface FaultExplanation {
  readonly kind: "delay" | "abort";
  /** `2000 ms`, `503`. */
  readonly what: string;
  /** 0 to 100. */
  readonly percent: number;
}

export interface DestinationExplanation {
  readonly cluster: string;
  readonly host: string;
  readonly port: number;
  readonly subset: string | undefined;
  /** 0 to 1: which part of such requests goes here. */
  readonly share: number;
  /** `weight 90 of 100`; undefined for the only one. */
  readonly weight: string | undefined;
  /** The request as it gets there; undefined for a TCP connection. */
  readonly seen: SeenRequest | undefined;
  /** What the caller's proxy does with the headers of the answer from there, in order. */
  readonly answerEdits: readonly HeaderEdit[];
  readonly destinationRule: Source | undefined;
  readonly loadBalancer: string | undefined;
  /** Endpoints that are no workloads of the mesh: how they are found; absent where there are none. */
  readonly outside?: string | undefined;
  /** How callers ask endpoints whether they serve, and who says so; absent where they do not. */
  readonly healthCheck?: { readonly what: string; readonly source: Source | undefined } | undefined;
  /** Retries at once: a share of the requests, in percent, or as many as are always allowed. */
  readonly retryBudget:
    | { readonly percent: number; readonly minConcurrency: number; readonly intervalMs: number }
    | undefined;
  /** Why it is no destination at all; absent where it is one. */
  readonly fault?: string | undefined;
  readonly endpoints: readonly EndpointExplanation[];
  /** What awaits the request at the endpoints; those where it is the same stand together. */
  readonly arrivals: readonly Arrival[];
  readonly outcome: Outcome;
}

export interface SeenRequest {
  readonly path: string;
  readonly authority: string;
  /** Names in lower case. Those that every proxy adds by itself, such as `x-request-id`, are not among them. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface HeaderEdit {
  readonly what: "remove" | "set" | "append" | "addIfAbsent" | "setIfPresent";
  /** In lower case. */
  readonly name: string;
  /** Undefined where it is made for each request, and of one that is removed. */
  readonly value: string | undefined;
}

export interface EndpointExplanation {
  readonly workload: string;
  readonly used: boolean;
  readonly reason: string;
}

export interface Arrival {
  readonly workloads: readonly string[];
  readonly tls: TlsExplanation;
  /** Empty where TLS fails before. */
  readonly policies: readonly PolicyStep[];
  /** How much the workload takes of such requests; absent for as much as comes. */
  readonly rateLimits?: readonly string[];
  readonly outcome: "allowed" | "denied" | "fails";
  readonly reason: string;
}

export interface TlsExplanation {
  readonly client: "mutual TLS" | "TLS" | "plain text";
  /** Why the client calls so. */
  readonly clientReason: string;
  readonly mode: MtlsMode;
  /** The PeerAuthentication that says so; undefined for the default. */
  readonly modeSource: Source | undefined;
  /** Undefined: the two sides fit. */
  readonly problem: string | undefined;
}

export interface PolicyStep {
  /** `namespace/name`. */
  readonly policy: string;
  /** From 0. */
  readonly rule: number;
  readonly action: "ALLOW" | "DENY";
  readonly matched: boolean;
  /** Evaluated, not enforced. */
  readonly dryRun: boolean;
  /** Of a rule that matched, all that made it match; else what was in the way. */
  readonly reasons: readonly string[];
  readonly source: Source | undefined;
}
