/**
 * Where a rule's calls go and what is done to them on the way.
 *
 * A rewrite of the uri is Envoy's `prefix_rewrite` whatever the match, as in Istio: it replaces the matched prefix, and the whole
 * path of an exact or regex match.
 *
 * @module
 */
import { backendRetries } from "./backend-policy.ts";
import type { HttpRule, Rewrite, RouteAction, WeightedDestination } from "../model/virtual-service.ts";
import type { Route } from "../xds/proto/route.ts";
import type { ClusterWeight, RequestMirrorPolicy, RouteAction as EnvoyRouteAction } from "../xds/proto/route-action.ts";
import { percentOf } from "./fault.ts";
import { editedAuthority, headerEdits } from "./header-edits.ts";
import { type HashDestination, routeHashPolicy } from "./hash-policy.ts";
import { serviceOf } from "./mesh-index.ts";
import { retryPolicy } from "./retry-policy.ts";
import type { RouteContext } from "./routes.ts";
import { outboundCluster, outboundTcpCluster } from "./scope.ts";

const HTTP_PORT = 80;

const ownRetries = (live: RouteAction["destinations"], { mesh, scope }: RouteContext) =>
  backendRetries(
    mesh,
    scope.namespace,
    live.map(({ host }) => host),
  );

export function routeAction(rule: HttpRule, action: RouteAction, context: RouteContext): Route {
  const live = action.destinations.filter((d) => d.weight > 0);
  const only = action.destinations.length === 1 ? action.destinations[0] : undefined;
  const hashed = live.map((to) => hashDestination(to, context));
  const hashPolicy = routeHashPolicy(context.mesh, context.scope, hashed);
  const common: EnvoyRouteAction = {
    prefixRewrite: action.rewrite?.uri,
    regexRewrite: regexRewrite(action.rewrite),
    hostRewriteLiteral: action.rewrite?.authority ?? editedAuthority(rule.headers),
    timeout: action.timeoutMs ?? 0,
    maxGrpcTimeout: action.timeoutMs ?? 0,
    retryPolicy: retryPolicy(
      action.retries ?? context.mesh.settings.defaultHttpRetryPolicy,
      hashPolicy !== undefined,
      ownRetries(live, context),
    ),
    hashPolicy,
    requestMirrorPolicies: mirrorPolicies(action.mirrors, context),
  };
  // With several that have a weight, were it 100 and 0, a rule's edits come after a destination's, as in Istio.
  if (only !== undefined) {
    const authority = action.rewrite?.authority ?? editedAuthority(only.headers) ?? common.hostRewriteLiteral;
    return {
      route: { ...common, cluster: destinationCluster(only, context), hostRewriteLiteral: authority },
      ...headerEdits(rule.headers, only.headers),
    };
  }
  const clusters = live.map((d) => clusterWeight(d, context));
  return { route: { ...common, weightedClusters: { clusters } }, ...headerEdits(rule.headers) };
}

const regexRewrite = (rewrite: Rewrite | undefined): EnvoyRouteAction["regexRewrite"] =>
  rewrite?.uriRegex && { pattern: { regex: rewrite.uriRegex.match }, substitution: rewrite.uriRegex.rewrite };

function clusterWeight(destination: WeightedDestination, context: RouteContext): ClusterWeight {
  return {
    name: destinationCluster(destination, context),
    weight: destination.weight,
    hostRewriteLiteral: editedAuthority(destination.headers),
    ...headerEdits(destination.headers),
  };
}

/**
 * As Istio 1.28 and later: the host stays as it is (`DISABLE_SHADOW_HOST_SUFFIX`), so that a mirror's routes and policies
 * take a copy for what it is a copy of. What has 0 % is left out.
 */
function mirrorPolicies(mirrors: RouteAction["mirrors"], context: RouteContext): RequestMirrorPolicy[] | undefined {
  const live = mirrors.filter(({ percentage }) => percentage > 0);
  if (live.length === 0) return undefined;
  return live.map((mirror) => ({
    cluster: destinationCluster(mirror, context),
    runtimeFraction: { defaultValue: percentOf(mirror.percentage) },
    traceSampled: false,
    disableShadowHostSuffixAppend: true,
  }));
}

type To = Pick<WeightedDestination, "host" | "subset" | "port">;

/** A destination that is not there gets its cluster name all the same: Envoy then answers 503, and says which. */
const destinationCluster = (to: To, context: RouteContext): string =>
  outboundCluster(context.scope, { number: portOf(to, context) }, to.subset, to.host);

/** As {@link destinationCluster}, for a connection of whatever bytes. */
export function connectionCluster(to: To, context: RouteContext): string {
  const number = portOf(to, context);
  const known = serviceOf(context.mesh, to.host)?.ports.find((p) => p.number === number);
  return outboundTcpCluster(context.scope, known ?? { number, protocol: "tcp" }, to.subset, to.host);
}

/** What the hash of a call is looked up by. */
export const hashDestination = (to: To, context: RouteContext): HashDestination => ({
  host: to.host,
  subset: to.subset,
  port: portOf(to, context),
});

function portOf({ host, port }: To, { mesh, ...called }: RouteContext): number {
  const ports = serviceOf(mesh, host)?.ports ?? [];
  const only = ports.length === 1 ? ports[0]?.number : undefined;
  return port ?? only ?? called.port ?? HTTP_PORT;
}
