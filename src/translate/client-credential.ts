/**
 * What a DestinationRule's `credentialName` gives to a caller's proxy: a Secret of the caller's namespace.
 *
 * Source: Istio's ClientTLSSettings. Gateways have it of every rule, sidecars of one with a `workloadSelector` alone, lest a Secret goes to all
 * who may call. It travels by discovery, `kubernetes://name` and `kubernetes://name-cacert`, and to nobody else; a proxy that several
 * workloads share has it by namespace, too.
 * Differs: what nobody gives closes the way. Istio has a sidecar without a selector call in plain text.
 *
 * @module
 */
import type { ClientTls, DestinationRule } from "../model/destination-rule.ts";
import type { Mesh } from "../model/mesh.ts";
import type { SdsSecretConfig, Secret } from "../xds/proto/tls.ts";
import { credentialAt, foundName, keyPairSecret, rootsBeside, rootsName, secretName } from "./gateway/credentials.ts";
import { discovered } from "./gateway/tls.ts";
import { lookUp } from "./reads.ts";
import type { Scope } from "./scope.ts";
import { rootsSecret } from "./validation-roots.ts";

export type ClientCredential =
  | {
      readonly t: "secrets";
      /** What the caller shows; undefined: nothing. */
      readonly certificate: SdsSecretConfig | undefined;
      /** What servers are checked against. */
      readonly roots: SdsSecretConfig;
      readonly secrets: readonly Secret[];
    }
  /** It is not there, or not for this caller. */
  | { readonly t: "closed" };

const closed: ClientCredential = { t: "closed" };

/** Undefined where `tls` names none that counts. */
export function clientCredential(
  mesh: Mesh,
  scope: Scope,
  rule: Pick<DestinationRule, "workloadSelector"> | undefined,
  tls: ClientTls | undefined,
): ClientCredential | undefined {
  if (tls?.credentialName === undefined || (tls.mode !== "SIMPLE" && tls.mode !== "MUTUAL")) return undefined;
  if (scope.gateway === undefined && rule?.workloadSelector === undefined) return closed;
  const { namespace } = scope;
  const name = tls.credentialName;
  const certificate = lookUp(mesh, credentialAt, namespace, name)?.certificate;
  const { crlPem, trustedCaPem } = lookUp(mesh, rootsBeside, namespace, name) ?? {};
  const isShown = tls.mode === "MUTUAL";
  if (trustedCaPem === undefined || (isShown && certificate?.t !== "keyPair")) return closed;
  const called = scope.outboundSuffix === "" ? secretName(name) : foundName({ namespace, name });
  const shown = isShown && certificate?.t === "keyPair" ? [keyPairSecret(called, certificate)] : [];
  return {
    t: "secrets",
    certificate: isShown ? discovered(called) : undefined,
    roots: discovered(rootsName(called)),
    secrets: [...shown, rootsSecret(rootsName(called), [{ trustedCaPem, crlPem }])],
  };
}
