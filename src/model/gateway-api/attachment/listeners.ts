/**
 * Listeners, before routes are attached: what they can serve, what they show, and what is wrong with them.
 *
 * @module
 */
import type { Credential } from "../../gateway.ts";
import type { FrontendValidation, KubernetesGateway, Listener, ListenerSet } from "../gateway.ts";
import { GATEWAY_GROUP, type GroupKind } from "../reference.ts";
import type { AttachedListener, ClientValidation, ListenerFault } from "./attachment.ts";
import type { References, Referrer } from "./resolve.ts";

/** One without its routes. */
export type ReadyListener = Omit<AttachedListener, "routes" | "serves">;

export function readyListener(
  gateway: KubernetesGateway,
  owner: KubernetesGateway | ListenerSet,
  listener: Listener,
  references: References,
): ReadyListener {
  const kind = owner === gateway ? "Gateway" : "ListenerSet";
  const kinds = supportedKinds(listener);
  const shown = certificates(listener, { kind, namespace: owner.meta.namespace }, references);
  const checked = clientValidation(listener, { gateway, owner }, references, shown.certificates);
  return {
    owner,
    listener,
    supportedKinds: kinds.kinds,
    certificates: shown.certificates,
    clientValidation: checked.validation,
    meshTls: meshTlsOf(listener),
    faults: [
      ...protocolFaults(listener),
      ...optionFaults(listener),
      ...kinds.faults,
      ...shown.faults,
      ...checked.faults,
    ],
  };
}

interface Kinds {
  readonly kinds: readonly GroupKind[];
  readonly faults: readonly ListenerFault[];
}

const KINDS_OF: Readonly<Record<string, readonly string[]>> = {
  HTTP: ["HTTPRoute", "GRPCRoute"],
  HTTPS: ["HTTPRoute", "GRPCRoute"],
  TLS: ["TLSRoute", "TCPRoute"],
  TCP: ["TCPRoute"],
  UDP: ["UDPRoute"],
};

function protocolFaults({ protocol, at, tls }: Listener): readonly ListenerFault[] {
  if (!Object.hasOwn(KINDS_OF, protocol)) {
    const message = `the protocol is one of ${Object.keys(KINDS_OF).join(", ")}, found ${protocol}`;
    return [{ condition: "Accepted", reason: "UnsupportedProtocol", message, at }];
  }
  if (protocol !== "HTTPS" || tls !== undefined) return [];
  // The specification has no word of its own for it; this is Istio's.
  return [{ condition: "Accepted", reason: "UnsupportedProtocol", message: "HTTPS needs tls.certificateRefs", at }];
}

/** Istio's: whether clients need a certificate, by the roots that stand beside the server's, or what is shown is the mesh's own. */
const TERMINATE_MODE = "gateway.istio.io/tls-terminate-mode";
const TERMINATE_MODES = ["SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL", "ISTIO_SIMPLE"];

function meshTlsOf({ tls }: Listener): ReadyListener["meshTls"] {
  const option = tls?.mode === "Terminate" ? tls.options[TERMINATE_MODE] : undefined;
  if (option === "ISTIO_MUTUAL") return "mutual";
  return option === "ISTIO_SIMPLE" ? "simple" : undefined;
}

/** An option may be what keeps somebody out, so one that nobody heeds keeps all out. Nothing of them is heeded where TLS does not end. */
function optionFaults({ tls }: Listener): readonly ListenerFault[] {
  if (tls?.mode !== "Terminate") return [];
  return Object.entries(tls.options).flatMap(([name, value]): readonly ListenerFault[] => {
    if (name === TERMINATE_MODE && TERMINATE_MODES.includes(value)) return [];
    const message = `the option ${name}: ${value} is not supported`;
    return [{ condition: "Accepted", reason: "UnsupportedValue", message, at: tls.at }];
  });
}

function supportedKinds({ protocol, tls, allowedKinds, at }: Listener): Kinds {
  const names = Object.hasOwn(KINDS_OF, protocol) ? (KINDS_OF[protocol] ?? []) : [];
  const fitting = tls?.mode === "Passthrough" ? names.filter((n) => n === "TLSRoute") : names;
  const all = fitting.map((kind) => ({ group: GATEWAY_GROUP, kind }));
  if (allowedKinds === undefined) return { kinds: all, faults: [] };
  const kinds = all.filter((k) => allowedKinds.some((a) => a.group === k.group && a.kind === k.kind));
  if (kinds.length === allowedKinds.length) return { kinds, faults: [] };
  const message = `allowedRoutes.kinds may have ${fitting.join(", ") || "none"} here, found ${allowedKinds.map((k) => k.kind).join(", ")}`;
  return { kinds, faults: [{ condition: "ResolvedRefs", reason: "InvalidRouteKinds", message, at }] };
}

interface Certificates {
  readonly certificates: readonly Credential[];
  readonly faults: readonly ListenerFault[];
}

function certificates(listener: Listener, from: Referrer, references: References): Certificates {
  const { tls } = listener;
  if (tls?.mode !== "Terminate" || meshTlsOf(listener) !== undefined) return { certificates: [], faults: [] };
  const found = tls.certificateRefs.map((ref) => references.certificate(from, ref));
  const faults = found.flatMap((f): readonly ListenerFault[] =>
    f.t === "fault" ? [{ condition: "ResolvedRefs", reason: f.reason, message: f.message, at: f.at }] : [],
  );
  const good = found.flatMap((f) => (f.t === "found" ? [f.value] : []));
  if (found.length > 0) return { certificates: good, faults };
  const message = "TLS that ends here needs certificateRefs";
  return {
    certificates: [],
    faults: [{ condition: "ResolvedRefs", reason: "InvalidCertificateRef", message, at: tls.at }],
  };
}

interface Validation {
  readonly validation: ClientValidation | undefined;
  readonly faults: readonly ListenerFault[];
}

interface Owned {
  readonly gateway: KubernetesGateway;
  readonly owner: KubernetesGateway | ListenerSet;
}

/**
 * Of listeners with HTTPS only, as the specification has it; Istio's option asks for it where the Gateway does not. Whom a Gateway keeps out
 * no ListenerSet lets in.
 */
function clientValidation(
  listener: Listener,
  { gateway, owner }: Owned,
  references: References,
  shown: readonly Credential[],
): Validation {
  const { protocol, port, tls } = listener;
  const { frontendByPort, frontendDefault } = gateway.tls;
  const wanted = frontendByPort.has(port) ? frontendByPort.get(port) : frontendDefault;
  const option = tls?.mode === "Terminate" ? tls.options[TERMINATE_MODE] : undefined;
  if (meshTlsOf(listener) === "mutual") {
    const isLoosened = owner !== gateway && protocol === "HTTPS" && wanted !== undefined;
    return { validation: undefined, faults: isLoosened ? [otherRoots(listener)] : [] };
  }
  const mode = option === "OPTIONAL_MUTUAL" ? "AllowMissing" : undefined;
  if (protocol === "HTTPS" && wanted !== undefined) {
    const asked = checkedBy(wanted, { kind: "Gateway", namespace: gateway.meta.namespace }, references);
    // Stricter it may be made by any listener, less strict by the Gateway's own.
    const other = option === "MUTUAL" ? "AllowValidOnly" : owner === gateway ? mode : undefined;
    return other === undefined || asked.validation === undefined
      ? asked
      : { ...asked, validation: { ...asked.validation, mode: other } };
  }
  if (option !== "MUTUAL" && option !== "OPTIONAL_MUTUAL") return { validation: undefined, faults: [] };
  const roots = shown.flatMap(({ trustedCaPem, crlPem }) =>
    trustedCaPem === undefined ? [] : { trustedCaPem, crlPem },
  );
  const message = `${TERMINATE_MODE}: ${option} needs ca.crt in the Secret of the certificate`;
  return {
    validation: { roots, mode: mode ?? "AllowValidOnly" },
    faults:
      roots.length > 0 ? [] : [{ condition: "Accepted", reason: "NoValidCACertificate", message, at: listener.at }],
  };
}

/** By the mesh's roots somebody could come in whom the Gateway's keep out. */
const otherRoots = ({ at, port }: Listener): ListenerFault => ({
  condition: "Accepted",
  reason: "UnsupportedValue",
  message: `${TERMINATE_MODE}: ISTIO_MUTUAL checks clients against the mesh's roots, and the Gateway has others for port ${port}: it can stand on a listener of the Gateway alone`,
  at,
});

function checkedBy(
  { at, caCertificateRefs, mode }: FrontendValidation,
  from: Referrer,
  references: References,
): Validation {
  const found = caCertificateRefs.map((ref) => references.roots(from, ref));
  const faults = found.flatMap((f): readonly ListenerFault[] =>
    f.t === "fault" ? [{ condition: "ResolvedRefs", reason: f.reason, message: f.message, at: f.at }] : [],
  );
  const roots = found.flatMap((f) => (f.t === "found" ? [f.value] : []));
  if (roots.length > 0) return { validation: { roots, mode }, faults };
  const message = "none of caCertificateRefs leads to roots, so no client could be checked";
  return {
    validation: { roots, mode },
    faults: [...faults, { condition: "Accepted", reason: "NoValidCACertificate", message, at }],
  };
}
