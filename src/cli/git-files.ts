/**
 * Document files of a folder as they were at a revision, by asking git.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import type { SourceFile } from "../config/load.ts";
import { usageError } from "./context.ts";

const MAX_BYTES = 64 * 1024 * 1024;

/** @throws {CliError} When git does not know the revision, or the folder is in no repository. */
export function filesAt(revision: string, folder: string): readonly SourceFile[] {
  if (revision.startsWith("-")) throw usageError(`${revision} is neither a path nor a revision`);
  const listed = git(folder, ["ls-tree", "-r", "-z", "--name-only", revision, "--", "."], revision);
  return listed
    .split("\0")
    .filter((name) => /\.(ya?ml|json)$/i.test(name) && !name.split("/").some((part) => part.startsWith(".")))
    .sort()
    .map((name) => ({
      file: `${revision}:${folder.replace(/\/$/, "")}/${name}`,
      text: git(folder, ["show", `${revision}:./${name}`], revision).replace(/^\uFEFF/, ""),
    }));
}

function git(folder: string, args: readonly string[], revision: string): string {
  const { error, status, stderr, stdout } = spawnSync("git", ["-C", folder, ...args], {
    encoding: "utf8",
    maxBuffer: MAX_BYTES,
    timeout: 30_000,
  });
  if (error === undefined && status === 0) return stdout;
  const reason = (error?.message ?? stderr.trim().split("\n")[0]) || "git failed";
  throw usageError(`${revision} is no path, and git does not know it in ${folder}: ${reason}`);
}
