import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { bunNetwork } from "./bun-network.ts";

const folder = mkdtempSync(join(tmpdir(), "tulle-abandoned-"));
const network = bunNetwork(systemClock);
const listen = (path: string) => network.listen({ address: "", port: 0, path }, (socket) => socket.destroy());
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test("where a process was killed that listened at a unix socket, the next one listens", async () => {
  const path = join(folder, "killed.sock");
  const script = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, "SIGKILL");`;
  spawnSync(process.execPath, ["-e", script]);
  expect(existsSync(path)).toBe(true);
  (await listen(path)).close();
});

test("where somebody listens, and where something else stands, nothing is taken away", async () => {
  const [live, file] = [join(folder, "live.sock"), join(folder, "file")];
  const first = await listen(live);
  await expect(listen(live)).rejects.toThrow(`cannot listen on ${live}: EADDRINUSE`);
  writeFileSync(file, "text");
  await expect(listen(file)).rejects.toThrow(`cannot listen on ${file}`);
  expect(readFileSync(file, "utf8")).toBe("text");
  first.close();
});
