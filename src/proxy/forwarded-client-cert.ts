/**
 * `x-forwarded-client-cert`: who the client of this hop is, for the application behind it.
 *
 * Source: HttpConnectionManager's `forward_client_cert_details` and `set_current_client_cert_details`.
 * Not here: `chain`.
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
  const { subject, cert, uri, dns } = settings.setCurrentClientCertDetails;
  const parts: string[] = [];
  if (localUri !== undefined) parts.push(`By=${localUri}`);
  parts.push(`Hash=${peer.fingerprint256}`);
  if (cert) parts.push(`Cert="${encodedPem(peer)}"`);
  if (subject) parts.push(`Subject="${peer.subject.replaceAll('"', '\\"')}"`);
  if (uri) for (const name of peer.uriSans) parts.push(`URI=${quoted(name)}`);
  if (dns) for (const name of peer.dnsSans) parts.push(`DNS=${quoted(name)}`);
  return parts.join(";");
}

/** A connection has one certificate and many requests. */
const encoded = new WeakMap<PeerIdentity, string>();

/** PEM with its spaces, line ends, `+`, `/` and `=` in percent form, as Envoy writes it. */
function encodedPem(peer: PeerIdentity): string {
  let text = encoded.get(peer);
  if (text === undefined) {
    const base64 = Buffer.from(peer.raw)
      .toString("base64")
      .replace(/.{64}(?=.)/g, "$&\n");
    const pem = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
    text = pem.replace(/[ \n+/=]/g, encodeURIComponent);
    encoded.set(peer, text);
  }
  return text;
}

const quoted = (value: string): string => (/[,;=]/.test(value) ? `"${value.replaceAll('"', '\\"')}"` : value);
