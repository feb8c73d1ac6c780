/**
 * TLS to backends that a BackendTLSPolicy is for, from gateways and from proxies beside workloads.
 *
 * Source: the Gateway API (GEP-1897, GEP-3155). The policy's hostname is the name in the handshake; the certificate must be for it, or for one of
 * `subjectAltNames` where there are any. A policy without a root that can be read lets no call through.
 *
 * In the mesh it takes the place of the mesh's own TLS, as in Istio. Differs: to ports of protocol TLS and HTTPS a workload speaks TLS itself, and
 * its proxy begins no other around it.
 *
 * @module
 */
import { backendTlsAt } from "../../model/gateway-api/attachment/backend-tls.ts";
import type { BackendTlsOutcome } from "../../model/gateway-api/attachment/attachment.ts";
import type { BackendTlsValidation } from "../../model/gateway-api/policy.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Service, ServicePort } from "../../model/service.ts";
import type { TransportSocket } from "../../xds/proto/core-base.ts";
import {
  type CertificateValidationContext,
  type SubjectAltNameMatcher,
  UpstreamTlsContext,
} from "../../xds/proto/tls.ts";
import { pack } from "../../xds/types/any.ts";
import { foundName } from "../gateway/credentials.ts";
import { discovered } from "../gateway/tls.ts";
import { isTls } from "../connections.ts";
import { lookUp } from "../reads.ts";
import type { Scope } from "../scope.ts";
import { inlineRoots } from "../validation-roots.ts";
import { attachedTo } from "./attached.ts";

export interface BackendTlsInput {
  readonly found: BackendTlsOutcome;
  readonly scope: Scope;
  readonly alpnProtocols: readonly string[] | undefined;
  readonly systemRootsFile: string;
}

export type BackendTls =
  | { readonly t: "socket"; readonly socket: TransportSocket }
  /** Nothing that a backend shows could be checked. */
  | { readonly t: "closed" };

/** The policy that holds for calls to a port; undefined where none does. */
export function backendTlsFor(
  mesh: Mesh,
  isGateway: boolean,
  service: Service,
  port: ServicePort,
): BackendTlsOutcome | undefined {
  if (!isGateway && isTls(port.protocol)) return undefined;
  return lookUp(mesh, policyAt, service, port);
}

export function backendTls(input: BackendTlsInput): BackendTls {
  const { found, scope, systemRootsFile } = input;
  if (found.noValidCa) return { t: "closed" };
  const { validation } = found.policy;
  const validationContext: CertificateValidationContext = {
    ...(found.roots.length === 0 ? { trustedCa: { filename: systemRootsFile } } : inlineRoots(found.roots)),
    matchTypedSubjectAltNames: namesOf(validation),
  };
  const shown = scope.gateway?.backendCertificate;
  const context: UpstreamTlsContext = {
    sni: validation.hostname,
    commonTlsContext: {
      tlsParams: { tlsMinimumProtocolVersion: "TLSv1_2", tlsMaximumProtocolVersion: "TLSv1_3" },
      alpnProtocols: input.alpnProtocols,
      tlsCertificateSdsSecretConfigs: shown && [discovered(foundName(shown))],
      validationContext,
    },
  };
  const typedConfig = pack(UpstreamTlsContext, context);
  return { t: "socket", socket: { name: "envoy.transport_sockets.tls", typedConfig } };
}

const policyAt = (mesh: Mesh, service: Service, port: ServicePort): ReturnType<typeof backendTlsAt> =>
  backendTlsAt(attachedTo(mesh).backendTls, service, port);

const namesOf = ({ hostname, subjectAltNames }: BackendTlsValidation): readonly SubjectAltNameMatcher[] =>
  subjectAltNames.length === 0
    ? [{ sanType: "DNS", matcher: { exact: hostname } }]
    : subjectAltNames.map(({ t, value }) => ({ sanType: t === "URI" ? "URI" : "DNS", matcher: { exact: value } }));
