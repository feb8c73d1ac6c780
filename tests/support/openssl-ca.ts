/**
 * A certificate authority by the `openssl` command, for what our own does not make: RSA keys and other curves, authorities below
 * authorities, revocation lists.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type KeyKind = "P-256" | "P-384" | "RSA";

export interface IssuedPair {
  /** Leaf, then what is between it and the root. */
  readonly certChainPem: string;
  readonly privateKeyPem: string;
  /** Of the leaf, PEM. */
  readonly leafPem: string;
}

export interface IssueOptions {
  readonly key?: KeyKind;
  /** `DNS:a.example.com`, `URI:…`; none: the certificate has no such names. */
  readonly names?: readonly string[];
}

const KEY_OPTIONS: Readonly<Record<KeyKind, string>> = {
  "P-256": "-newkey ec -pkeyopt ec_paramgen_curve:P-256",
  "P-384": "-newkey ec -pkeyopt ec_paramgen_curve:P-384",
  RSA: "-newkey rsa:2048",
};
const AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";

export class OpensslCa {
  readonly #folder: string;
  readonly #above: OpensslCa | undefined;
  #files = 0;

  /** @param name Common name. @param above Who signs it; none: itself. */
  constructor(name: string, above?: OpensslCa) {
    this.#folder = mkdtempSync(join(tmpdir(), "tulle-ca-"));
    this.#above = above;
    for (const file of ["index", "index.attr"]) writeFileSync(this.#at(file), "");
    writeFileSync(this.#at("crlnumber"), "01\n");
    const database = `database=${this.#at("index")}\ncrlnumber=${this.#at("crlnumber")}`;
    writeFileSync(this.#at("cnf"), `[ca]\ndefault_ca=d\n[d]\n${database}\ndefault_md=sha256\n`);
    const { pem, keyPem } = (above ?? this).#make(name, "P-256", AUTHORITY, above === undefined);
    writeFileSync(this.#at("ca.pem"), pem);
    writeFileSync(this.#at("ca.key"), keyPem);
  }

  get certificatePem(): string {
    return readFileSync(this.#at("ca.pem"), "utf8");
  }

  issue(commonName: string, { key = "P-256", names = [] }: IssueOptions = {}): IssuedPair {
    const extensions = names.length === 0 ? "" : `subjectAltName=${names.join(",")}\n`;
    const { pem, keyPem } = this.#make(commonName, key, extensions, false);
    const between = this.#above === undefined ? "" : this.certificatePem;
    return { certChainPem: pem + between, privateKeyPem: keyPem, leafPem: pem };
  }

  /** A list that holds for a day, or has expired. */
  revocations(revoked: readonly string[], hasExpired = false): string {
    const by = ["-config", this.#at("cnf"), "-keyfile", this.#at("ca.key"), "-cert", this.#at("ca.pem")];
    for (const pem of revoked) openssl(["ca", ...by, "-revoke", this.#file(pem)]);
    const life = hasExpired
      ? ["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200102000000Z"]
      : ["-crldays", "1"];
    const list = openssl(["ca", ...by, "-gencrl", ...life]);
    writeFileSync(this.#at("index"), "");
    return list;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #make(name: string, key: KeyKind, extensions: string, selfSigned: boolean): { pem: string; keyPem: string } {
    const keyFile = this.#file("");
    const request = openssl([
      ..."req -new -nodes".split(" "),
      ...KEY_OPTIONS[key].split(" "),
      "-subj",
      `/CN=${name}`,
      "-keyout",
      keyFile,
    ]);
    const signer = selfSigned
      ? ["-signkey", keyFile]
      : [
          "-CA",
          this.#at("ca.pem"),
          "-CAkey",
          this.#at("ca.key"),
          "-set_serial",
          `0x${crypto.randomUUID().slice(0, 8)}`,
        ];
    const extensionFile = this.#file(extensions);
    const file = this.#file(request);
    const pem = openssl(["x509", "-req", "-in", file, "-days", "30", "-extfile", extensionFile, ...signer]);
    return { pem, keyPem: readFileSync(keyFile, "utf8") };
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }

  #file(content: string): string {
    const path = this.#at(`file-${this.#files++}`);
    writeFileSync(path, content);
    return path;
  }
}

function openssl(args: readonly string[]): string {
  const run = Bun.spawnSync(["openssl", ...args], { stdout: "pipe", stderr: "pipe" });
  if (run.exitCode !== 0) throw new Error(`openssl ${args.join(" ")} failed: ${run.stderr.toString()}`);
  return run.stdout.toString();
}

export const hasOpenssl = Bun.which("openssl") !== null;
