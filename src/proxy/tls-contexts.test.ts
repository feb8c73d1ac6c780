/** Settings for sockets, by compiled contexts and the secrets that there are. */
import { describe, expect, test } from "bun:test";
import { clientHello } from "../../tests/support/client-hello.ts";
import { serverKeyPair } from "../../tests/support/server-certificates.ts";
import { compileDownstreamTls, type DownstreamTls } from "../engine/tls.ts";
import { type CommonTlsContext, DownstreamTlsContext } from "../xds/proto/tls.ts";
import { pack } from "../xds/types/any.ts";
import { Secrets } from "./secrets.ts";
import { TlsContexts } from "./tls-contexts.ts";

/** Of a client that takes every curve. */
const HELLO = Buffer.from(await clientHello("any.test"), "latin1");
const LIST = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
const OTHER_LIST = LIST + LIST;
const pair = (name: string) => ({ t: "keyPair", ...serverKeyPair([name]) }) as const;
const [a, b] = [pair("a.test"), pair("b.test")];

function rig(commonTlsContext: CommonTlsContext, files: Readonly<Record<string, string>> = {}) {
  const secrets = new Secrets();
  const contexts = new TlsContexts(secrets, (path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`no file ${path}`);
    return text;
  });
  const context = pack(DownstreamTlsContext, { commonTlsContext });
  const tls = compileDownstreamTls({ typedConfig: context }, "transport_socket") as DownstreamTls;
  return { secrets, serverTls: (sni?: string) => contexts.serverTls(tls, { sni, bytes: HELLO }) };
}

const named = (name: string) => ({ name, sdsConfig: { ads: {} } });
const ROOTS: CommonTlsContext = {
  tlsCertificateSdsSecretConfigs: [named("a")],
  combinedValidationContext: {
    defaultValidationContext: { crl: { filename: "/crl" } },
    validationContextSdsSecretConfig: named("roots"),
  },
};

describe("settings of a server", () => {
  test("are there when all of its certificates and its roots are", () => {
    const { secrets, serverTls } = rig({
      tlsCertificateSdsSecretConfigs: [named("a"), named("b")],
      combinedValidationContext: { validationContextSdsSecretConfig: named("roots") },
    });
    expect(serverTls()).toBeUndefined();
    secrets.set("a", a);
    expect(serverTls()).toBeUndefined();
    secrets.set("b", b);
    expect(serverTls()).toBeUndefined();
    secrets.set("roots", { t: "trustedCa", trustedCaPem: "roots" });
    expect(serverTls()?.trustedCaPem).toBe("roots");
    secrets.set("b", { t: "trustedCa", trustedCaPem: "no certificate" });
    expect(serverTls()).toBeUndefined();
  });

  test("are one for each certificate, and the same while nothing changes", () => {
    const { secrets, serverTls } = rig({ tlsCertificateSdsSecretConfigs: [named("a"), named("b")] });
    secrets.set("a", a);
    secrets.set("b", b);
    expect(serverTls("b.test")?.certChainPem).toBe(b.certChainPem);
    expect(serverTls("b.test")).toBe(serverTls("b.test") ?? serverTls());
    expect(serverTls("other.test")?.certChainPem).toBe(a.certChainPem);
    secrets.set("b", pair("c.test"));
    expect(serverTls("b.test")?.certChainPem).toBe(a.certChainPem);
  });

  test("have the lists of the secret, else those of the context, and change with them", () => {
    const { secrets, serverTls } = rig(ROOTS, { "/crl": LIST });
    secrets.set("a", a);
    secrets.set("roots", { t: "trustedCa", trustedCaPem: "roots" });
    const first = serverTls();
    expect(first?.crlPem).toBe(LIST);
    secrets.set("roots", { t: "trustedCa", trustedCaPem: "roots", crlPem: OTHER_LIST });
    expect(serverTls()?.crlPem).toBe(OTHER_LIST);
    expect(serverTls()).not.toBe(first as NonNullable<typeof first>);
  });

  test("with lists that cannot be read are refused before any secret is there", () => {
    for (const files of [{}, { "/crl": "" }, { "/crl": "none" }, { "/crl": LIST.replace("MAA=", "MAAA") }])
      expect(rig(ROOTS, files).serverTls).toThrow("/crl");
  });
});
