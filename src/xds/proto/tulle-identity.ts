/**
 * `tulle.identity.v1`: our own extension of the bootstrap, for which Envoy has an agent beside it: how the process gets
 * its certificates.
 *
 * @module
 */
import { of } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { string } from "../types/scalars.ts";
import { DataSource } from "./core-base.ts";

/** One identity of the process. */
export const Identity = message("tulle.identity.v1.Identity", {
  /** Under which resources ask for its certificate: `default`, or its SPIFFE ID where a process has several. */
  secretName: string(1),
  /** One-time token that the first certificate is asked for with. */
  joinToken: of(2, DataSource),
});
export type Identity = Infer<typeof Identity>;

/** `bootstrap_extensions` entry: this process asks for its own certificates, and holds their keys. */
export const Agent = message("tulle.identity.v1.Agent", {
  /** Static cluster of the control plane, whose certificate service is asked. Its TLS context says whom to trust. */
  cluster: string(1),
  identities: repeated(of(2, Identity)),
});
export type Agent = Infer<typeof Agent>;
