/**
 * All proxies that are compared.
 *
 * @module
 */
import { launchBarePipe } from "./peers/bare-pipe.ts";
import { launchHaproxy } from "./peers/haproxy.ts";
import { launchNghttpx } from "./peers/nghttpx.ts";
import { launchNginx } from "./peers/nginx.ts";
import { launchEnvoy, launchTulle } from "./peers/xds-proxies.ts";
import { listening, stop } from "./process.ts";
import type { Setup } from "./setup.ts";
import type { Launcher, Subject, Topology } from "./topology.ts";

const PEERS: Readonly<Record<string, Launcher>> = {
  Envoy: launchEnvoy,
  nginx: launchNginx,
  HAProxy: launchHaproxy,
  nghttpx: launchNghttpx,
  "bare-pipe": launchBarePipe,
};

/**
 * Starts Tulle, of each checkout, and the peers that can serve the topology.
 * @param wanted Names of peers; undefined: all that are on the machine.
 */
export async function startSubjects(setup: Setup, topology: Topology, wanted?: readonly string[]): Promise<Subject[]> {
  const tulle = setup.checkouts.map((path) => launchTulle(path, setup.checkouts.length === 1));
  const peers = Object.entries(PEERS).filter(([name]) => wanted === undefined || wanted.includes(name));
  const subjects = [...tulle, ...peers.map(([, launcher]) => launcher)]
    .map((launch) => launch(setup, topology))
    .filter((subject) => subject !== undefined);
  for (const subject of subjects) await listening(subject.port, subject.name);
  return subjects;
}

export async function stopSubjects(subjects: readonly Subject[]): Promise<void> {
  await stop(subjects.flatMap(({ programs }) => programs));
}
