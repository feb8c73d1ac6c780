/**
 * Where we differ from Istio on purpose, a reason each. What is not listed here fails a test; docs/differences.md says the
 * same to users.
 *
 * @module
 */
import { ACCEPTED_AT_EDGE } from "./accepted-edge.ts";
import { ACCEPTED_AT_GATEWAY_API } from "./accepted-gateway-api.ts";
import type { Ask, Case } from "./comparison.ts";
import type { Difference, Outcome } from "./outcome.ts";

export interface Context extends Difference {
  /** Whose outcome it is: that of an Envoy with our resources, or of our own proxy; `documents` where one is refused. */
  readonly leg: string;
  readonly case: Case;
  /** Undefined: of the documents themselves. */
  readonly ask: Ask | undefined;
  /** All of Istio's. */
  readonly outcome: Outcome;
}

export interface AcceptedDifference {
  /** As it is said to users. */
  readonly why: string;
  readonly covers: (context: Context) => boolean;
}

const header = ({ ask }: Context, name: string): string => ask?.headers.find(([key]) => key === name)?.[1] ?? "";

export const ACCEPTED: readonly AcceptedDifference[] = [
  {
    why: "Istio's proxies tell each other the name of a trace's operation (`x-envoy-decorator-operation`); Tulle's do not.",
    covers: ({ at, ours }) => at.endsWith(".headers.x-envoy-decorator-operation") && ours === undefined,
  },
  {
    why: "Tulle's proxy begins a trace (`traceparent`) where a request has none. Istio's does so only with a tracer configured.",
    covers: ({ at, istio, leg }) => at.endsWith(".headers.traceparent") && istio === undefined && leg === "tulle",
  },
  {
    why: "A host that is no service of the mesh is looked up by its name, and names that can only be of the mesh are answered 502 with a sentence. Istio passes such a call to the address that was dialed.",
    covers: ({ outcome }) => outcome.get("log.cluster") === "PassthroughCluster",
  },
  {
    why: "Where only known hosts may be called (REGISTRY_ONLY), the 502 for others comes with a sentence. Istio's has no body.",
    covers: ({ at, outcome }) =>
      outcome.get("log.route") === "block_all" && /^(body|headers\.content-(length|type)|log\.route)$/.test(at),
  },
  {
    why: "A body that comes behind an answer is read and dropped, and the connection stays. Envoy closes it.",
    covers: ({ at, ask, istio, leg, ours }) =>
      at === "headers.connection" && leg === "tulle" && ask?.body !== "" && istio === "close" && ours === undefined,
  },
  {
    why: "A kept connection that closes under a request without an answer is replaced once before retries begin, when the request may be repeated.",
    covers: (context) => context.leg === "tulle" && header(context, "x-answers").includes("reset"),
  },
  {
    why: "A mirror is told the time that its request has as a whole (`x-envoy-expected-rq-timeout-ms`, and `grpc-timeout` of a gRPC call), and nothing where only each try has one. Envoy tells it that of a try.",
    covers: ({ at, case: { documents }, istio, leg, ours }) =>
      leg === "tulle" &&
      /^hits\.\d+\.headers\.(x-envoy-expected-rq-timeout-ms|grpc-timeout)$/.test(at) &&
      istio !== undefined &&
      ours === undefined &&
      /"mirrors?":/.test(JSON.stringify(documents)),
  },
  {
    why: "Where a rule and its destination both set the header `host`, `x-envoy-original-host` is not told. Envoy tells the first of the two as if the caller had said it.",
    covers: ({ at, case: { documents }, leg, ours }) =>
      leg === "tulle" &&
      /^hits\.\d+\.headers\.x-envoy-original-host$/.test(at) &&
      ours === undefined &&
      (JSON.stringify(documents).match(/"set":\{[^}]*"host":/g) ?? []).length > 1,
  },
  {
    why: "A proxy's own answer without a body says `content-length: 0` to HEAD as to GET. Envoy says `transfer-encoding: chunked` to HEAD.",
    covers: ({ at, ask, istio, leg, ours }) =>
      leg === "tulle" &&
      ask?.method === "HEAD" &&
      ((at === "headers.content-length" && istio === undefined && ours === "0") ||
        (at === "headers.transfer-encoding" && istio === "chunked" && ours === undefined)),
  },
  {
    why: "`%RESPONSE_CODE%` in a header of a proxy's own answer is its status. Envoy says 0.",
    covers: ({ at, case: { documents }, istio, leg, outcome, ours }) =>
      leg === "tulle" &&
      at.startsWith("headers.") &&
      istio?.split(/[,| ]+/).includes("0") === true &&
      ours === istio.replace(/\b0\b/g, outcome.get("status") ?? "") &&
      outcome.get("log.details") !== "via_upstream" &&
      JSON.stringify(documents).includes("%RESPONSE_CODE%"),
  },
  {
    why: "A direct response of 204 has no `content-length`, which HTTP forbids there. Envoy gives that of a body that it does not send.",
    covers: ({ at, leg, outcome, ours }) =>
      leg === "tulle" && at === "headers.content-length" && outcome.get("status") === "204" && ours === undefined,
  },
  {
    why: "An empty `x-forwarded-proto` is as none. Envoy has no route for such a request.",
    covers: (context) =>
      context.leg === "tulle" &&
      context.ask?.headers.some(([name, value]) => name.toLowerCase() === "x-forwarded-proto" && value === "") ===
        true &&
      context.outcome.get("log.flags") === "NR",
  },
  {
    why: "A percent sign in a header's value stands for itself where it begins no operator. Istio wants `%%`.",
    covers: ({ at, istio, leg, ours }) =>
      leg === "documents" &&
      at === "document VirtualService" &&
      istio?.includes("Un-escaped %") === true &&
      ours === "taken",
  },
  {
    why: "Two DestinationRules of one host, one with `exportTo: ['*']` and one without `exportTo`, are one. Istio takes them for unlike and goes by the last alone.",
    covers: ({ case: { documents }, leg }) => {
      const rules = documents.filter(({ kind }) => kind === "DestinationRule");
      const exported = rules.map(({ spec }) => String((spec as { readonly exportTo?: unknown }).exportTo));
      return leg !== "documents" && exported.includes("*") && exported.includes("undefined");
    },
  },
  {
    why: "`corsPolicy.maxAge` may be 0s, which asks browsers not to keep the answer. Istio refuses less than 1ms.",
    covers: ({ at, istio, leg, ours }) =>
      leg === "documents" &&
      at === "document VirtualService" &&
      istio === "duration must be greater than 1ms" &&
      ours === "taken",
  },
  ...ACCEPTED_AT_EDGE,
  ...ACCEPTED_AT_GATEWAY_API,
];
