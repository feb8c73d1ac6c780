import { expect, test } from "bun:test";
import type { ServerTls } from "../net/socket.ts";
import { withCommonAlpn } from "./common-alpn.ts";

const tls: ServerTls = {
  certChainPem: "",
  privateKeyPem: "",
  trustedCaPem: undefined,
  requireClientCertificate: true,
  alpn: ["h2", "http/1.1"],
  refusePeer: undefined,
};

test("a client with a protocol of ours, or with none, gets the settings as they are", () => {
  expect(withCommonAlpn(tls, ["istio", "http/1.1"])).toBe(tls);
  expect(withCommonAlpn(tls, [])).toBe(tls);
});

test("a client with other protocols alone gets the same settings without names, each time the same object", () => {
  const form = withCommonAlpn(tls, ["istio"]);
  expect(form).toEqual({ ...tls, alpn: [] });
  expect(withCommonAlpn(tls, ["spdy/1"])).toBe(form);
});
