/**
 * A control plane as a process of its own, for proxies that the test starts. Run as
 * `bun control-plane-process.ts <folder> <xds port> <admin port> <SVID life in ms>`.
 *
 * The folder has `documents`. The first time it plans an instance of each workload and writes `plan.json` and
 * `<instance>.bootstrap.json`; afterwards it knows them from its data folder, as after a crash.
 *
 * @module
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RunningControlPlane, runControlPlane } from "../../../src/app/control-plane/run.ts";
import { bootstrapText } from "../../../src/app/up/bootstrap.ts";
import { type PlannedInstance, planOf } from "../../../src/app/up/plan.ts";
import { writeWhole } from "../../../src/app/up/run-folder.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { lineLog } from "../../../src/base/log.ts";
import { loadDocuments } from "../../../src/config/load.ts";
import { readFiles } from "../../../src/config/read-folder.ts";
import { freePorts } from "../../../src/net/free-ports.ts";

/** These meshes have none. */
const NO_GATEWAYS = { portsOf: () => [] };

const [folder = "", xdsPort = "", adminPort = "", svidTtlMs = ""] = process.argv.slice(2);
const documents = join(folder, "documents");
const planFile = join(folder, "plan.json");

function writeBootstrap({ controlPlane }: RunningControlPlane, { adminPort: admin, instance }: PlannedInstance): void {
  const joining = controlPlane.proxyBootstrap(instance.id);
  const pathOf = (name: string): string => join(folder, `${instance.id}.${name}`);
  writeFileSync(pathOf("root.pem"), joining.rootCertificatesPem);
  writeFileSync(pathOf("token"), joining.identities[0]?.joinToken ?? "", { mode: 0o600 });
  const input = { join: joining, instance, adminPort: admin, rootFile: pathOf("root.pem"), clusterId: "local" };
  const identities = [{ secretName: "default", tokenFile: pathOf("token") }];
  writeFileSync(pathOf("bootstrap.json"), bootstrapText(input, { t: "agent", identities }));
}

const running = await runControlPlane({
  documents: [documents],
  dataFolder: join(folder, "data"),
  svidTtlMs: Number(svidTtlMs),
  clock: systemClock,
  log: lineLog("info", (line) => void process.stderr.write(line), systemClock.wallMs),
  version: "0.0.0",
  ports: { xds: Number(xdsPort), admin: Number(adminPort) },
});
if (!existsSync(planFile)) {
  const { instances } = planOf(loadDocuments(readFiles([documents]).files).mesh, false, freePorts, NO_GATEWAYS);
  for (const { instance } of instances) running.controlPlane.register(instance);
  for (const planned of instances) writeBootstrap(running, planned);
  writeWhole(planFile, instances);
}
process.on("SIGTERM", () => void running.stop());
