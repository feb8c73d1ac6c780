/**
 * What all subjects of a run share: a folder, certificates, the ports of the backends.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestCa } from "../../tests/support/certificates.ts";
import { ensureEnvoy } from "../../tests/support/envoy.ts";

export interface Setup {
  readonly folder: string;
  readonly backends: { readonly http1: number; readonly http2: number; readonly slow: number };
  /** PEM files; `pair` holds certificate and key. */
  readonly cert: string;
  readonly key: string;
  readonly pair: string;
  readonly ca: string;
  readonly envoy: string | undefined;
  /** Checkouts of Tulle that take part; the first is this one unless others were named. */
  readonly checkouts: readonly string[];
}

/** Makes the folder and what is in it. */
export async function prepare(checkouts: readonly string[]): Promise<Setup> {
  const folder = mkdtempSync(join(tmpdir(), "tulle-bench-"));
  // nginx drops its privileges and must still read.
  execFileSync("chmod", ["755", folder]);
  const ca = new TestCa();
  const svid = ca.odd({ uris: [], extra: [bothNames("spiffe://cluster.local/ns/default/sa/bench", "localhost")] });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return {
    folder,
    backends: { http1: 19_099, http2: 19_098, slow: 19_097 },
    cert: file("cert.pem", svid.certChainPem),
    key: file("key.pem", svid.privateKeyPem),
    pair: file("pair.pem", svid.certChainPem + svid.privateKeyPem),
    ca: file("ca.pem", ca.bundlePem),
    envoy: await ensureEnvoy(),
    checkouts,
  };
}

/** A subjectAltName extension with a URI for mesh proxies and a DNS name for the others (RFC 5280 §4.2.1.6). */
function bothNames(uri: string, dns: string): Uint8Array {
  const element = (tag: number, ...parts: Uint8Array[]): Uint8Array => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.of(tag, content.length), content]);
  };
  const names = element(0x30, element(0x86, Buffer.from(uri)), element(0x82, Buffer.from(dns)));
  return element(0x30, Buffer.from("0603551d11", "hex"), element(0x04, names));
}
