/**
 * Retry policies of routes, compiled once each.
 *
 * @module
 */
import type { CompiledHttp, CompiledRoute } from "../engine/http.ts";
import { compileHeaderMatcher } from "../engine/match/header-matcher.ts";
import type { PeerView } from "../engine/request.ts";
import type { CompiledRetry, HeaderLookup } from "../engine/retry.ts";
import { compileRetry } from "../engine/retry-policy.ts";
import type { HeaderMatcher } from "../xds/proto/route-match.ts";

export class RoutePolicies {
  readonly #compiled = new WeakMap<CompiledRoute, { readonly retry: CompiledRetry | undefined }>();

  of(route: CompiledRoute): CompiledRetry | undefined {
    let known = this.#compiled.get(route);
    if (known === undefined) {
      const retry = compileRetry(route.retryPolicyMessage, route.virtualHostRetryPolicy, headerTest);
      known = { retry };
      this.#compiled.set(route, known);
    }
    return known.retry;
  }

  /** @throws {CompileError} For the first policy that is wrong, before any request meets it. */
  checkAll({ routeTable }: CompiledHttp): void {
    for (const [i, host] of (routeTable.message.virtualHosts ?? []).entries())
      for (const [j, { route }] of (host.routes ?? []).entries())
        compileRetry(
          route?.retryPolicy,
          host.retryPolicy,
          headerTest,
          `virtual_hosts[${i}].routes[${j}].route.retry_policy`,
        );
  }
}

const NOBODY: PeerView = {
  tls: false,
  spiffeId: undefined,
  sni: undefined,
  remote: { address: "", port: 0 },
  local: { address: "", port: 0 },
};

/** A header matcher that looks at a lookup of headers, of a response as of a request. */
function headerTest(matcher: HeaderMatcher, path: string): (header: HeaderLookup) => boolean {
  const check = compileHeaderMatcher(matcher, path);
  return (header) => check.test({ method: "", path: "", authority: "", scheme: "", header }, NOBODY);
}
