/**
 * Where we differ from Istio at gateways of the Gateway API on purpose, a reason each; part of the one list in `accepted.ts`.
 *
 * @module
 */
import type { AcceptedDifference, Context } from "./accepted.ts";
import { DOORS } from "./rig/edge.ts";

interface Spec {
  readonly listeners?: readonly { readonly hostname: string; readonly port: number }[];
  readonly hostnames?: readonly string[];
}

const specsOf = ({ case: { documents } }: Context, kinds: readonly string[]): readonly Spec[] =>
  documents
    .filter(({ apiVersion, kind }) => apiVersion.startsWith("gateway.networking.k8s.io/") && kinds.includes(kind))
    .map(({ spec }) => spec as Spec);

/** Those of `hosts` that the request's host is one of, each once. */
function fitting({ ask }: Context, hosts: readonly string[]): readonly string[] {
  const [asked = ""] = (ask?.host ?? "").toLowerCase().split(":");
  return [...new Set(hosts.map((host) => host.toLowerCase()))].filter(
    (host) => host === asked || (host.startsWith("*") && asked.endsWith(host.slice(1))),
  );
}

const isGrpc = (context: Context): boolean => specsOf(context, ["GRPCRoute"]).length > 0;

function listenersAsked(context: Context): readonly string[] {
  const door = context.ask?.door;
  const listeners = specsOf(context, ["Gateway"]).flatMap((spec) => spec.listeners ?? []);
  const there = listeners.filter(({ port }) => door !== undefined && port === DOORS[door]);
  return fitting(
    context,
    there.map(({ hostname }) => hostname),
  );
}

/** A route without hosts takes every one. */
const routesAsked = (context: Context): readonly string[] =>
  fitting(
    context,
    specsOf(context, ["HTTPRoute", "GRPCRoute"]).flatMap(({ hostnames = ["*"] }) => hostnames),
  );

const withoutPort = (url: string): string => url.replace(/^(https?:\/\/[^/:]*):\d+(?=\/|$)/, "$1");

const DIFFERENCES: readonly AcceptedDifference[] = [
  {
    why: "A rule of the Gateway API that has a name is logged as `namespace.route.name`. Istio logs the name alone.",
    covers: ({ at, istio, ours }) => at === "log.route" && ours?.endsWith(`.${istio}`) === true,
  },
  {
    why: "A rule of an HTTPRoute whose backends cannot be called answers its 500 itself. Istio sends such calls to a cluster that is not there (flag `NC`), which makes the same 500.",
    covers: ({ at, istio, ours }) =>
      (at === "log.flags" && istio === "NC" && ours === "-") ||
      (at === "log.details" && istio === "cluster_not_found" && ours === "direct_response"),
  },
  {
    why: "Filters of a backend that cannot be called edit nothing, as the Gateway API wants it. Istio edits the headers of its 500 by them.",
    covers: ({ at, outcome }) => at.startsWith("headers.") && outcome.get("log.flags") === "NC",
  },
  {
    why: "A rule of a GRPCRoute whose backends cannot be called answers UNAVAILABLE, as the Gateway API wants it. Istio answers UNKNOWN.",
    covers: (context) =>
      isGrpc(context) &&
      ((context.at === "headers.grpc-status" && context.istio === "2" && context.ours === "14") ||
        (context.at === "status" && context.istio === "500" && context.ours === "503")),
  },
  {
    why: "A GRPCRoute's method is `/service/method`. Istio takes the path `/service` for one of the service's methods.",
    covers: (context) => isGrpc(context) && /^\/[^/]*(\?|$)/.test(context.ask?.path ?? ""),
  },
  {
    why: "Of a port's listeners of the Gateway API the one with the closest host serves a request, and no other's routes do. Istio looks at the routes of all.",
    covers: (context) => listenersAsked(context).length > 1,
  },
  {
    why: "Where a request's host is one of several hosts of routes of the Gateway API, the closest's rules are asked first and then the others'; hosts that a listener narrows to the same one count alike. Istio asks the rules of the closest alone, and takes hosts that are narrowed route by route.",
    covers: (context) => routesAsked(context).length > 1,
  },
  {
    why: "`ReplacePrefixMatch` of a rule for `/` keeps the path's elements as they were: `/x` becomes `/new/x`, and `//` `/new//`. Istio makes `/newx` and `/new/` of them.",
    covers: ({ at, istio = "", ours = "" }) =>
      /^headers\.location$|^hits\.\d+\.line$/.test(at) &&
      ours.includes("/new/") &&
      withoutPort(ours).replace(/\/new\/*/, "/new/") === withoutPort(istio).replace(/\/new\/*/, "/new/"),
  },
  {
    why: "`ReplacePrefixMatch: /` of a rule for `/` is no rewrite, and `x-envoy-original-path` is not told. Istio tells it.",
    covers: ({ at, case: { documents }, ours }) =>
      /^hits\.\d+\.headers\.x-envoy-original-path$/.test(at) &&
      ours === undefined &&
      JSON.stringify(documents).includes('"replacePrefixMatch":"/"'),
  },
  {
    why: "A RequestRedirect that is to end at its scheme's own port says so (`:80`, `:443`) where the gateway is called at another, since the port of the call would stay. Istio leaves it as it was called.",
    covers: ({ at, istio = "", ours = "" }) =>
      at === "headers.location" &&
      /^(http:\/\/[^/]*:80|https:\/\/[^/]*:443)(\/|$)/.test(ours) &&
      withoutPort(ours) === withoutPort(istio),
  },
];

export const ACCEPTED_AT_GATEWAY_API: readonly AcceptedDifference[] = DIFFERENCES.map(({ why, covers }) => ({
  why,
  covers: (context) =>
    context.leg !== "documents" && specsOf(context, ["HTTPRoute", "GRPCRoute"]).length > 0 && covers(context),
}));
