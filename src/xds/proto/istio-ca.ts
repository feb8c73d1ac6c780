/**
 * `istio.v1.auth`: how a proxy asks for a certificate, method `/istio.v1.auth.IstioCertificateService/CreateCertificate`.
 *
 * @module
 */
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { int64, string } from "../types/scalars.ts";
import { struct } from "../types/struct.ts";

export const IstioCertificateRequest = message("istio.v1.auth.IstioCertificateRequest", {
  /** A certificate signing request in PEM. */
  csr: string(1),
  /** Seconds. */
  validityDuration: int64(3),
  metadata: struct(4),
});
export type IstioCertificateRequest = Infer<typeof IstioCertificateRequest>;

export const IstioCertificateResponse = message("istio.v1.auth.IstioCertificateResponse", {
  /** PEM certificates, the leaf first and the root last. */
  certChain: repeated(string(1)),
});
export type IstioCertificateResponse = Infer<typeof IstioCertificateResponse>;
