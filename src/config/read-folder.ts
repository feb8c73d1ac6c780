/**
 * Document files of a folder, or of a path that a person names.
 *
 * A folder is read with all folders in it, in the order of the names. Names that begin with a dot are passed over: editors'
 * swap files, `.git`, and the `..data` folders behind a mounted ConfigMap, whose files are links beside them.
 *
 * @module
 */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../base/problem.ts";
import type { SourceFile } from "./load.ts";
import { limits } from "./parse-yaml.ts";

const MAX_FILES = 10_000;
const MAX_FOLDER_DEPTH = 16;

export interface FoundFile {
  readonly file: string;
  /** Changes whenever the content may have: replaced files, links and writes. */
  readonly stamp: string;
}

const isDocument = (name: string): boolean => /\.(ya?ml|json)$/i.test(name) && !name.startsWith(".");

/** The document files under `path`, sorted; `path` itself when it is a file. @throws what node:fs throws, where `path` is not there. */
export function listFiles(path: string): readonly FoundFile[] {
  const stat = statSync(path);
  if (!stat.isDirectory()) return [{ file: path, stamp: stampOf(stat) }];
  const found: FoundFile[] = [];
  listInto(path, [], found);
  return found;
}

type Stat = ReturnType<typeof statSync>;

const stampOf = (stat: NonNullable<Stat>): string => `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;

/** `above`: the real paths of the folders on the way here, so that a link back up is not followed. */
function listInto(folder: string, above: readonly string[], found: FoundFile[]): void {
  const real = realpathSync(folder);
  if (above.includes(real) || above.length >= MAX_FOLDER_DEPTH) return;
  const names = readdirSync(folder).filter((name) => !name.startsWith("."));
  for (const name of names.sort()) {
    if (found.length >= MAX_FILES) return;
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (stat.isDirectory()) listInto(path, [...above, real], found);
    else if (stat.isFile() && isDocument(name)) found.push({ file: path, stamp: stampOf(stat) });
  }
}

export interface ReadFiles {
  readonly files: readonly SourceFile[];
  readonly problems: readonly Problem[];
}

/** All document files of the paths, with a problem for each path or file that cannot be read. Never throws. */
export function readFiles(paths: readonly string[]): ReadFiles {
  const files = new Map<string, SourceFile>();
  const problems: Problem[] = [];
  for (const path of paths) {
    const attempt = attemptTo(path, () => listFiles(path));
    if (attempt.problem !== undefined) problems.push(attempt.problem);
    for (const { file } of attempt.value ?? []) {
      const read = readFile(file);
      if ("message" in read) problems.push(read);
      else files.set(file, read);
    }
  }
  return { files: [...files.values()], problems };
}

/** The text of a file, or why it cannot be read. */
export function readFile(file: string): SourceFile | Problem {
  const attempt = attemptTo(file, () => {
    const bytes = statSync(file).size;
    if (bytes > limits.maxFileBytes) throw new Error(`a file may have ${limits.maxFileBytes} bytes, found ${bytes}`);
    return readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  });
  return attempt.problem ?? { file, text: attempt.value ?? "" };
}

function attemptTo<T>(path: string, read: () => T): { readonly value?: T; readonly problem?: Problem } {
  try {
    return { value: read() };
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const reason = isMissing
      ? "there is no such file or folder"
      : error instanceof Error
        ? error.message
        : String(error);
    return {
      problem: {
        severity: "error",
        place: { file: path, line: 1, column: 1 },
        path: "",
        message: `cannot be read: ${reason}`,
      },
    };
  }
}
