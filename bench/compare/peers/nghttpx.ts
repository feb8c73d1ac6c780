/**
 * nghttpx, HTTP/2 on both sides in plaintext.
 *
 * @module
 */
import { join } from "node:path";
import { start } from "../process.ts";
import { type Launcher, startHops } from "../topology.ts";

export const launchNghttpx: Launcher = (setup, topology) => {
  if (topology.protocol !== "http2" || topology.hops !== "one" || Bun.which("nghttpx") === null) return undefined;
  return startHops("nghttpx", setup, topology, (hop) => {
    const conf = ["--conf=/dev/null", "--workers=1", "--no-location-rewrite", "--accesslog-file=/dev/null"];
    const ports = [`--frontend=127.0.0.1,${hop.listen};no-tls`, `--backend=127.0.0.1,${hop.upstream};;proto=h2`];
    return start(
      "nghttpx",
      ["nghttpx", ...conf, ...ports],
      setup.folder,
      join(setup.folder, `nghttpx-${hop.listen}.log`),
    );
  });
};
