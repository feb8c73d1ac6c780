/**
 * Keeps an authority's keys and certificates in a folder that nobody else can look into.
 *
 * The folder is made with mode 0700 and files with 0600. What is found with more than that is refused, not repaired: a key
 * that others could read may have been read. A write goes to a file beside it, is synced and renamed over the old one.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { join } from "node:path";
import { AuthorityError, type AuthorityFile, type AuthorityStorage } from "./authority-storage.ts";
import { MAX_PEM_CHARS } from "./pem.ts";

/** Permission bits that others must not have. */
const SECRET = 0o077;
const UNCHANGED_BY_OTHERS = 0o022;

/**
 * @param folder Made when it is not there.
 * @throws {AuthorityError} If it is open to others.
 */
export function folderAuthorityStorage(folder: string): AuthorityStorage {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stats = lstatSync(folder);
  if (!stats.isDirectory()) throw new AuthorityError(`authority folder ${folder} must be a folder, not a link or file`);
  checkAccess(stats, folder, SECRET, "700");
  const pathOf = (file: AuthorityFile): string => join(folder, file);
  return {
    read: (file) => readSafely(pathOf(file), file === "additional-roots.pem" ? UNCHANGED_BY_OTHERS : SECRET),
    write: (file, text) => replaceFile(folder, file, text),
    nameOf: pathOf,
  };
}

function readSafely(path: string, forbidden: number): string | undefined {
  const fd = openIfThere(path);
  if (fd === undefined) return undefined;
  try {
    const stats = fstatSync(fd); // of what was opened: the path may mean something else by now
    if (!stats.isFile()) throw new AuthorityError(`${path} must be a plain file`);
    checkAccess(stats, path, forbidden, "600");
    if (stats.size > MAX_PEM_CHARS)
      throw new AuthorityError(`${path} must be at most ${MAX_PEM_CHARS} octets: found ${stats.size}`);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    const why = codeOf(cause) === "ELOOP" ? "it is a link" : String(codeOf(cause));
    throw new AuthorityError(`${path} must be a file that can be read: ${why}`, { cause });
  }
}

function checkAccess(stats: Stats, path: string, forbidden: number, wanted: string): void {
  const mode = stats.mode & 0o777;
  if ((mode & forbidden) !== 0)
    throw new AuthorityError(
      `${path} must not be open to other users: its mode is ${mode.toString(8)}. ` +
        `If nobody else can have seen its keys, run "chmod ${wanted} ${path}"; otherwise delete it and let every workload join again`,
    );
  const own = process.getuid?.();
  if (own !== undefined && stats.uid !== own && stats.uid !== 0)
    throw new AuthorityError(`${path} must belong to user ${own} or root: it belongs to user ${stats.uid}`);
}

function replaceFile(folder: string, file: AuthorityFile, text: string): void {
  const path = join(folder, file);
  const draft = join(folder, `.${file}.${randomBytes(6).toString("hex")}`);
  try {
    writeSynced(draft, text);
    renameSync(draft, path);
    syncFolder(folder);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw new AuthorityError(`cannot write ${path}: ${String(codeOf(cause) ?? cause)}`, { cause });
  }
}

function writeSynced(path: string, text: string): void {
  const fd = openSync(path, "wx", 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The rename itself is only safe once the folder is on disk. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
