/**
 * Certificates of servers and clients outside of the mesh: each signed by itself, so its own PEM is what trusts it.
 */
import { makeDevelopmentCertificate } from "../../src/identity/development-certificate.ts";

export interface TestKeyPair {
  readonly certChainPem: string;
  readonly privateKeyPem: string;
}

export const serverKeyPair = (names: readonly string[]): TestKeyPair => makeDevelopmentCertificate(names, Date.now());
