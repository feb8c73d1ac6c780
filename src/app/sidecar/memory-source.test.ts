import { expect, test } from "bun:test";
import { memoryLimit, memorySource, type ReadText } from "./memory-source.ts";

const reading =
  (files: Readonly<Record<string, string>>): ReadText =>
  (path) =>
    files[path];
const MEMINFO = { "/proc/meminfo": "MemTotal:        1024 kB\nMemFree: 1 kB\n" };

test("a cgroup of version 2: its limit, and its use without the cache that would be given back", () => {
  const read = reading({
    ...MEMINFO,
    "/proc/self/cgroup": "0::/a/b\n",
    "/sys/fs/cgroup/a/b/memory.max": "1000\n",
    "/sys/fs/cgroup/a/b/memory.current": "900\n",
    "/sys/fs/cgroup/a/b/memory.stat": "anon 300\ninactive_file 500\nactive_file 7\n",
  });
  const source = memorySource(read);
  expect(source.cgroup()).toEqual({ usedBytes: 400, limitBytes: 1000 });
  expect(memoryLimit(source, read)).toBe(1000);
});

test("a cgroup of version 1, whose files stand at the root of a container", () => {
  const read = reading({
    "/proc/self/cgroup": "12:cpu:/x\n5:memory:/docker/1\n0::/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "5000\n",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": "600\n",
    "/sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 100\n",
  });
  expect(memorySource(read).cgroup()).toEqual({ usedBytes: 599, limitBytes: 5000 });
});

for (const limit of ["max\n", "9223372036854771712\n"])
  test(`a cgroup without a limit (${limit.trim()}) leaves the machine's`, () => {
    const read = reading({ ...MEMINFO, "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": limit });
    const source = memorySource(read);
    expect(source.cgroup()).toBeUndefined();
    expect(memoryLimit(source, read)).toBe(1024 * 1024);
  });

test("this process", () => {
  const source = memorySource();
  const said = process.memoryUsage.rss();
  expect(Math.abs(source.residentBytes() - said)).toBeLessThan(0.2 * said);
  expect(memoryLimit(source)).toBeGreaterThan(100_000_000);
});
