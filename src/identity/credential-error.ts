/**
 * The one error for a certificate, key, request, name or chain that was refused.
 *
 * Every reader of bytes or text from outside in this room throws this and nothing else.
 *
 * @module
 */

/** A credential that was refused. The message names what was read, what must hold and what was found. */
export class CredentialError extends Error {
  override readonly name = "CredentialError";
}
