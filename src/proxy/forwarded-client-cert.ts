/**
 * `x-forwarded-client-cert`: who the client of this hop is, for the application behind it.
 *
 * Source: HttpConnectionManager's `forward_client_cert_details` and `set_current_client_cert_details`.
 * Not here: `cert` and `chain`.
 *
 * @module
 */
import type { HttpSettings } from "../engine/http/settings.ts";
import type { PeerIdentity } from "../net/socket.ts";

export type ForwardSettings = Pick<HttpSettings, "forwardClientCertDetails" | "setCurrentClientCertDetails">;

/**
 * The header that goes on: undefined leaves the one that came as it is, an empty string takes it away.
 *
 * @param came The header as the client sent it.
 * @param localUri This side's own SPIFFE ID.
 */
export function forwardedClientCert(
  settings: ForwardSettings,
  came: string | undefined,
  peer: PeerIdentity | undefined,
  localUri: string | undefined,
): string | undefined {
  const mode = settings.forwardClientCertDetails;
  if (mode === "ALWAYS_FORWARD_ONLY") return undefined;
  if (peer === undefined || mode === "SANITIZE") return "";
  if (mode === "FORWARD_ONLY") return undefined;
  const element = elementOf(settings, peer, localUri);
  return mode === "APPEND_FORWARD" && came ? `${came},${element}` : element;
}

function elementOf(settings: ForwardSettings, peer: PeerIdentity, localUri: string | undefined): string {
  const { subject, uri, dns } = settings.setCurrentClientCertDetails;
  const parts: string[] = [];
  if (localUri !== undefined) parts.push(`By=${localUri}`);
  parts.push(`Hash=${peer.fingerprint256}`);
  if (subject) parts.push(`Subject="${peer.subject.replaceAll('"', '\\"')}"`);
  if (uri) for (const name of peer.uriSans) parts.push(`URI=${quoted(name)}`);
  if (dns) for (const name of peer.dnsSans) parts.push(`DNS=${quoted(name)}`);
  return parts.join(";");
}

const quoted = (value: string): string => (/[,;=]/.test(value) ? `"${value.replaceAll('"', '\\"')}"` : value);
