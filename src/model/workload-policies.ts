/**
 * Which AuthorizationPolicies hold for a workload. Source: Istio: those of the root namespace and of the workload's own that select it.
 *
 * @module
 */
import { selects } from "./match.ts";
import type { Mesh } from "./mesh.ts";
import type { AuthorizationPolicy } from "./security.ts";
import type { Workload } from "./service.ts";

export function policiesFor(
  { settings, authorizationPolicies }: Pick<Mesh, "settings" | "authorizationPolicies">,
  workload: Workload,
): readonly AuthorizationPolicy[] {
  return [...new Set([settings.rootNamespace, workload.namespace])].flatMap((namespace) =>
    authorizationPolicies.filter(
      (p) =>
        p.origin.namespace === namespace &&
        selects(p.selector ?? {}, workload.labels) &&
        (p.serviceAccount === undefined ||
          (p.serviceAccount === workload.serviceAccount && namespace === workload.namespace)),
    ),
  );
}
